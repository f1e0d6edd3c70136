//! (room: approval)
