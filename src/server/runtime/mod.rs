//! Supervised background tasks, and work in flight.

pub mod in_flight;
pub mod supervise;
