//! Whether what somebody allowed for a while still holds: one function for waivers, accepted findings and whatever else
//! ends by itself, so that no two places can disagree about the moment of its end.

use crate::graph::Time;

/// Whether something that holds until a time holds at this one. At its end it holds no longer; from then on it is as if
/// it had never been said.
pub fn in_force(until: Time, now: Time) -> bool {
    now < until
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_until_its_end_and_not_at_it() {
        let at = Time::from_millis;
        for (now, holds) in [(99, true), (100, false), (101, false)] {
            assert_eq!(in_force(at(100), at(now)), holds, "{now}");
        }
    }
}
