//! How the body of a call becomes the arguments of a function.

use serde::de::DeserializeOwned;

use super::{
    JsonObject, Refusal,
    function::{Field, FieldKind, Form},
    json::JsonFault,
    login::LoginArguments,
};

/// A type that a function takes as the whole body of a call.
pub trait Arguments: Sized {
    /// The form that a person fills in.
    fn form() -> Form;

    /// Reads the body of a call.
    ///
    /// # Errors
    /// [`Refusal::Malformed`] where it is no JSON object, [`Refusal::InvalidArguments`] where it is one of another shape.
    fn decode(body: &str) -> Result<Self, Refusal>;
}

impl Arguments for JsonObject {
    fn form() -> Form {
        Form::Json {
            example: r#"{"hello":"world"}"#.to_owned(),
        }
    }

    fn decode(body: &str) -> Result<Self, Refusal> {
        Self::parse(body).map_err(|fault| Refusal::Malformed(fault.to_string()))
    }
}

impl Arguments for LoginArguments {
    fn form() -> Form {
        let field = |name: &str, label: &str, kind| Field {
            name: name.to_owned(),
            label: label.to_owned(),
            kind,
        };
        Form::Fields(vec![
            field("user_id", "User", FieldKind::UserName),
            field("password", "Password", FieldKind::Password),
            field("remember", "Remember me on this device for 30 days", FieldKind::Tick),
        ])
    }

    fn decode(body: &str) -> Result<Self, Refusal> {
        decode_object(body)
    }
}

/// Reads a JSON object into `T`. An array is refused even where serde would take it for a struct.
///
/// # Errors
/// As [`Arguments::decode`].
pub fn decode_object<T: DeserializeOwned>(body: &str) -> Result<T, Refusal> {
    // All of it first: a body that is no JSON is that, whatever its beginning looks like.
    JsonObject::decode(body)?;
    serde_json::from_str(body).map_err(|error| Refusal::InvalidArguments(JsonFault::from(error).to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shape_and_the_syntax_are_told_apart() {
        assert!(matches!(LoginArguments::decode("{"), Err(Refusal::Malformed(_))));
        assert!(matches!(LoginArguments::decode("{} {}"), Err(Refusal::Malformed(_))));
        assert!(matches!(
            LoginArguments::decode("[\"a\",\"b\",true]"),
            Err(Refusal::Malformed(_))
        ));
        assert!(matches!(
            LoginArguments::decode(r#"{"user_id":"a"}"#),
            Err(Refusal::InvalidArguments(why)) if why.contains("password")
        ));
    }
}
