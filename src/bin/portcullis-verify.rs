//! `portcullis-verify`: the auditor's verifier.
fn main() {}
