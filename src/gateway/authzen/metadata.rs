//! The discovery document: where questions are asked.

use schemars::JsonSchema;
use serde::Serialize;

/// What a caller can find out before it has a token.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "AuthzenConfiguration")]
pub struct Metadata {
    /// The address that all others begin with.
    pub policy_decision_point: String,
    /// One question.
    pub access_evaluation_endpoint: String,
    /// Several questions.
    pub access_evaluations_endpoint: String,
    /// Who may.
    pub search_subject_endpoint: String,
    /// To what.
    pub search_resource_endpoint: String,
    /// What may be done.
    pub search_action_endpoint: String,
}

impl Metadata {
    /// Of a gate that the world reaches at this address.
    pub fn at(public_url: &str) -> Self {
        let below = |path: &str| format!("{public_url}/access/v1/{path}");
        Self {
            policy_decision_point: public_url.to_owned(),
            access_evaluation_endpoint: below("evaluation"),
            access_evaluations_endpoint: below("evaluations"),
            search_subject_endpoint: below("search/subject"),
            search_resource_endpoint: below("search/resource"),
            search_action_endpoint: below("search/action"),
        }
    }
}
