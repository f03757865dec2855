//! Background tasks: supervision, and what is in flight.

pub mod in_flight;
pub mod supervise;
