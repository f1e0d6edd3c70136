//! (room: secret)
