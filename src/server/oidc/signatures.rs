//! Signature algorithms of tokens. The cryptography is in `jsonwebtoken`.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm as Jwa, DecodingKey, crypto};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

pub use crate::server::config::Algorithm;

/// The type of a key, with the curve of an elliptic one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyType {
    Rsa,
    P256,
    P384,
    Ed25519,
}

/// The algorithm with a name, which is case-sensitive. There are none without a signature and none with a shared secret.
pub fn algorithm(name: &str) -> Option<Algorithm> {
    match name {
        // RFC 9864, section 2.2.
        "Ed25519" => Some(Algorithm::EdDSA),
        name => name.parse().ok(),
    }
}

pub fn key_type(algorithm: Algorithm) -> KeyType {
    match algorithm {
        Algorithm::RS256
        | Algorithm::RS384
        | Algorithm::RS512
        | Algorithm::PS256
        | Algorithm::PS384
        | Algorithm::PS512 => KeyType::Rsa,
        Algorithm::ES256 => KeyType::P256,
        Algorithm::ES384 => KeyType::P384,
        Algorithm::EdDSA => KeyType::Ed25519,
    }
}

/// Whether `signature` (base64url) belongs to the message.
pub fn verify(algorithm: Algorithm, key: &DecodingKey, message: &[u8], signature: &str) -> bool {
    crypto::verify(signature, message, key, jwa(algorithm)).unwrap_or(false)
}

pub fn jwa(algorithm: Algorithm) -> Jwa {
    match algorithm {
        Algorithm::RS256 => Jwa::RS256,
        Algorithm::RS384 => Jwa::RS384,
        Algorithm::RS512 => Jwa::RS512,
        Algorithm::PS256 => Jwa::PS256,
        Algorithm::PS384 => Jwa::PS384,
        Algorithm::PS512 => Jwa::PS512,
        Algorithm::ES256 => Jwa::ES256,
        Algorithm::ES384 => Jwa::ES384,
        Algorithm::EdDSA => Jwa::EdDSA,
    }
}

/// The left half of the hash that belongs to the algorithm, for `at_hash` (OpenID Connect Core 1.0, section 3.1.3.6).
pub fn left_half_of_hash(algorithm: Algorithm, text: &str) -> String {
    let hash = match algorithm {
        Algorithm::RS256 | Algorithm::PS256 | Algorithm::ES256 => Sha256::digest(text).to_vec(),
        Algorithm::RS384 | Algorithm::PS384 | Algorithm::ES384 => Sha384::digest(text).to_vec(),
        Algorithm::RS512 | Algorithm::PS512 | Algorithm::EdDSA => Sha512::digest(text).to_vec(),
    };
    URL_SAFE_NO_PAD.encode(&hash[..hash.len() / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The claims of RFC 7515, appendix A.2 and A.3.
    const CLAIMS: &str =
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

    /// Verifies a published token, and refuses it if anything about it is changed.
    fn check(algorithm: Algorithm, other: Algorithm, key: &DecodingKey, message: &str, signature: &str) {
        assert!(verify(algorithm, key, message.as_bytes(), signature));
        assert!(!verify(algorithm, key, format!("{message}A").as_bytes(), signature));
        assert!(!verify(other, key, message.as_bytes(), signature));
        let changed = signature.replacen(&signature[..1], "_", 1);
        for bad in [
            "",
            &signature[..signature.len() - 4],
            &format!("{signature}="),
            &changed,
        ] {
            assert!(!verify(algorithm, key, message.as_bytes(), bad), "{bad}");
        }
    }

    #[test]
    fn rfc_7515_a_2() {
        let modulus = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT\
             -SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS\
             -UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2et\
             hFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
        let signature = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbd\
             s9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_\
             eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AX\
             LIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
        let key = DecodingKey::from_rsa_components(modulus, "AQAB").unwrap();
        let message = format!("eyJhbGciOiJSUzI1NiJ9.{CLAIMS}");
        check(Algorithm::RS256, Algorithm::PS256, &key, &message, signature);
    }

    #[test]
    fn rfc_7515_a_3() {
        let (x, y) = (
            "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        );
        let signature = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
        let key = DecodingKey::from_ec_components(x, y).unwrap();
        let message = format!("eyJhbGciOiJFUzI1NiJ9.{CLAIMS}");
        check(Algorithm::ES256, Algorithm::ES384, &key, &message, signature);
        assert!(
            !verify(Algorithm::ES256, &key, message.as_bytes(), &"A".repeat(86)),
            "r = s = 0"
        );
    }

    #[test]
    fn rfc_8037_a_4() {
        let key = DecodingKey::from_ed_components("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
        let message = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
        let signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
        check(Algorithm::EdDSA, Algorithm::RS256, &key, message, signature);
    }

    #[test]
    fn names_of_algorithms_are_exact() {
        assert_eq!(algorithm("Ed25519"), Some(Algorithm::EdDSA));
        for name in ["none", "None", "HS256", "rs256", "RS256 ", "ES512", "ES256K", "RS1", ""] {
            assert_eq!(algorithm(name), None, "{name}");
        }
    }
}
