//! stub
use std::process::ExitCode;
/// stub
pub async fn run(_d: crate::cli::Demo) -> ExitCode {
    ExitCode::FAILURE
}
