//! What the example `quote_stay` takes and gives: one argument of every kind.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Text;

/// The rooms of the guest house.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Room {
    /// Single room, 60 a night.
    Single,
    /// Double room, 90 a night.
    Double,
    /// Room with a view, 140 a night.
    View,
}

/// What can be had besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Extra {
    /// Breakfast, 12 a guest and night.
    Breakfast,
    /// Bicycle, 15 a guest and day.
    Bicycle,
    /// Parking, 8 a night.
    Parking,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Contact {
    /// How to address the guest.
    pub name: Text<1, 60>,
    /// Where to send the quote. (This is an example: nothing is sent.)
    #[schemars(extend("format" = "email"))]
    pub email: Option<Text<3, 100>>,
}

/// The reply of `quote_stay`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Quote {
    /// For whom.
    pub guest: String,
    /// The day of departure.
    #[schemars(extend("format" = "date"))]
    pub departure: String,
    /// The price of all nights with all extras.
    pub total: f64,
    /// The price of each part, in the order in which they were asked for.
    pub parts: Vec<Part>,
}

/// A part of a price.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Part {
    /// What for.
    pub what: String,
    /// How much.
    pub price: f64,
}
