//! Which refs a pattern covers, as each product reads it. Linear in pattern times name: no pattern can run away.
//!
//! Cloud's glob knows `*` alone and lets it cross `/`. Data Center's is ant style: `?` one character, `*` within a
//! segment, `**` across, a trailing `/` everything below; without `refs/` it may begin at any segment. Both compare
//! case. Sources: Atlassian's "Use branch permissions" (Cloud) and "Branch permission patterns" (Data Center).

/// A piece of a pattern.
#[derive(Clone, Copy)]
enum Piece {
    Just(char),
    /// One character of a segment.
    One,
    /// Any run within a segment.
    Segment,
    /// Any run.
    Any,
    /// Nothing, or whole segments: leads into the next piece or past it.
    Folders,
    /// Inside [`Piece::Folders`], until a `/`.
    Folder,
}

/// Cloud's glob over a short branch name. Every decision compares some: what stands between two stars is taken where it
/// first fits, which is right because a star takes whatever it must.
pub fn glob(pattern: &str, name: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(name) = name.strip_prefix(head) else { return false };
    let (middle, tail) = rest.rsplit_once('*').unwrap_or(("", rest));
    let Some(mut name) = name.strip_suffix(tail) else { return false };
    for part in middle.split('*') {
        match name.find(part) {
            Some(at) => name = name.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    true
}

/// A name with `*` for any run of characters that does not cross a `/`.
pub fn within(pattern: &str, name: &str) -> bool {
    let pieces: Vec<Piece> = pattern
        .chars()
        .map(|sign| if sign == '*' { Piece::Segment } else { Piece::Just(sign) })
        .collect();
    covers(&pieces, name)
}

/// Data Center's ant pattern over a full ref name.
pub fn ant(pattern: &str, name: &str) -> bool {
    let mut pieces = Vec::with_capacity(pattern.len() + 4);
    if !pattern.starts_with("refs/") {
        pieces.extend([Piece::Folders, Piece::Folder]);
    }
    let mut rest = pattern.trim_start_matches('/');
    while let Some(sign) = rest.chars().next() {
        let (taken, piece): (usize, &[Piece]) = if rest.starts_with("**/") {
            (3, &[Piece::Folders, Piece::Folder])
        } else if rest.starts_with("**") {
            (2, &[Piece::Any])
        } else if sign == '*' {
            (1, &[Piece::Segment])
        } else if sign == '?' {
            (1, &[Piece::One])
        } else {
            (sign.len_utf8(), &[Piece::Just(sign)])
        };
        pieces.extend_from_slice(piece);
        rest = rest.get(taken..).unwrap_or_default();
    }
    if pattern.ends_with('/') {
        pieces.push(Piece::Any);
    }
    covers(&pieces, name)
}

/// Whether the pieces cover the whole name: all places one could be in the pattern, moved on character by character.
fn covers(pieces: &[Piece], name: &str) -> bool {
    let mut here = vec![false; pieces.len() + 1];
    enter(pieces, &mut here, 0);
    for sign in name.chars() {
        let mut next = vec![false; pieces.len() + 1];
        for (at, piece) in pieces.iter().enumerate().filter(|(at, _)| here.get(*at) == Some(&true))
        {
            let (stays, moves) = take(*piece, sign);
            if stays {
                enter(pieces, &mut next, at);
            }
            if moves {
                enter(pieces, &mut next, at + 1);
            }
        }
        here = next;
    }
    here.last() == Some(&true)
}

/// Whether a piece takes this character and stays, and whether it takes it and is done.
const fn take(piece: Piece, sign: char) -> (bool, bool) {
    match piece {
        Piece::Just(wanted) => (false, wanted == sign),
        Piece::One => (false, sign != '/'),
        Piece::Segment => (sign != '/', false),
        Piece::Any => (true, false),
        Piece::Folders => (false, false),
        Piece::Folder => (true, sign == '/'),
    }
}

/// Marks a place, and those reached from it without a character.
fn enter(pieces: &[Piece], places: &mut [bool], at: usize) {
    let mut open = vec![at];
    while let Some(at) = open.pop() {
        match places.get_mut(at) {
            Some(place) if !*place => *place = true,
            Some(_) | None => continue,
        }
        match pieces.get(at) {
            Some(Piece::Segment | Piece::Any) => open.push(at + 1),
            Some(Piece::Folders) => open.extend([at + 1, at + 2]),
            Some(Piece::Just(_) | Piece::One | Piece::Folder) | None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All texts of these letters, up to this length.
    fn texts(letters: &str, longest: usize) -> Vec<String> {
        let mut all = vec![String::new()];
        let mut from = 0;
        for _ in 0..longest {
            let until = all.len();
            for at in from..until {
                all.extend(
                    letters
                        .chars()
                        .map(|letter| format!("{}{letter}", all[at]))
                        .collect::<Vec<_>>(),
                );
            }
            from = until;
        }
        all
    }

    #[test]
    fn a_glob_covers_what_walking_through_it_covers() {
        let names = texts("aé/", 4);
        for pattern in texts("aé*", 5) {
            let pieces: Vec<Piece> = pattern
                .chars()
                .map(|sign| if sign == '*' { Piece::Any } else { Piece::Just(sign) })
                .collect();
            for name in &names {
                assert_eq!(glob(&pattern, name), covers(&pieces, name), "{pattern} {name}");
            }
        }
    }
}
