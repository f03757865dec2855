//! Arguments and reply of the example function `quote_stay`, which has one argument of every kind.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Text;

/// A room category.
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

/// An extra service.
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

/// The guest who requests the quote.
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
    /// The name of the guest.
    pub guest: String,
    /// The day of departure.
    #[schemars(extend("format" = "date"))]
    pub departure: String,
    /// The total price, after the discount.
    pub total: f64,
    /// The items that make up the total.
    pub parts: Vec<Part>,
}

/// An item of a quote.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Part {
    /// The name of the item, such as `room` or `breakfast`.
    pub what: String,
    /// Its price, after the discount.
    pub price: f64,
}
