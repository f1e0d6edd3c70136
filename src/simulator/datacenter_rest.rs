//! Data Center's REST API.

use crate::simulator::answer::Here;
use crate::simulator::answer::Reply;
use crate::simulator::answer::Request;
use crate::simulator::answer::dc_error;
use crate::simulator::company::Company;
use crate::simulator::faults::Posted;

/// Answers one Data Center request.
pub(crate) fn answer(
    _company: &mut Company,
    _request: &Request,
    _here: &Here,
    _posted: &mut Vec<Posted>,
) -> Reply {
    Err(dc_error(404, None, "not found", "NoSuchResourceException"))
}
