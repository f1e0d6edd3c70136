//! (room: event)
