//! How much one may do, as an ordered word. Products' own words are read into it where they are read.

use crate::words;

words! {
    /// What an identity may do on a repository. Each level includes those before it.
    pub enum Level {
        /// Nothing.
        None = "none",
        /// Read and clone.
        Read = "read",
        /// Push and merge.
        Write = "write",
        /// Write, and create repositories in the project.
        Create = "create",
        /// Change settings and permissions.
        Admin = "admin",
        /// Everything in the workspace or server.
        Owner = "owner",
    }
}

impl Level {
    /// What this level on a project, workspace or server is worth on a repository in it: creating repositories includes
    /// writing, and an owner is an administrator. Source: Bitbucket's permission matrices of both products.
    #[must_use]
    pub const fn on_repository(self) -> Self {
        match self {
            Self::Create => Self::Write,
            Self::Owner => Self::Admin,
            Self::None | Self::Read | Self::Write | Self::Admin => self,
        }
    }
}
