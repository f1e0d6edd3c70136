//! What the documents look like that rules see: one for events, one for each kind of subject.

use crate::graph::fact::Shape;
use crate::policy::Document;
use crate::policy::input;
use crate::policy::subject;
use crate::policy::subject::SubjectDocument;
use crate::policy::subject::SubjectKind;

/// A document's shape, and its top-level names that always stand there.
pub struct Form {
    /// The whole of it.
    pub shape: Shape,
    /// What need not be declared.
    pub always: &'static [&'static str],
}

/// Every form there is.
pub struct Forms {
    event: Form,
    subjects: Vec<Form>,
}

impl Forms {
    /// All of them. Costs some microseconds each: make them once a bundle.
    pub fn all() -> Self {
        let event = Form { shape: Document::shape(), always: input::ALWAYS };
        let of = |kind: &SubjectKind| Form {
            shape: SubjectDocument::shape(*kind),
            always: subject::ALWAYS,
        };
        Self { event, subjects: SubjectKind::ALL.iter().map(of).collect() }
    }

    /// What a rule about this kind of subject sees; without one, what a rule about events sees.
    pub fn of(&self, subject: Option<SubjectKind>) -> &Form {
        subject.and_then(|kind| self.subjects.get(kind as usize)).unwrap_or(&self.event)
    }
}
