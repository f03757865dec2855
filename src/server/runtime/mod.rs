//! Supervised background tasks, work in flight, and the steps of a shutdown.

pub mod in_flight;
pub mod shutdown;
pub mod supervise;
