//! Password hashes: argon2id (RFC 9106).
//!
//! A login takes the same amount of work whether or not the user exists. If a stored hash is cheaper than the settings
//! require, the hasher does the missing work in addition. (A stored hash that is more expensive keeps costing more
//! until the password is changed.)

use std::time::Instant;

use argon2::{
    Algorithm, Argon2, Params, RECOMMENDED_SALT_LEN, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash, Salt},
};
use zeroize::Zeroizing;

use super::normalize;
use crate::{
    contract::login::Password,
    server::{config, telemetry::error::InternalError},
};

#[derive(Debug, Default)]
pub struct Verdict {
    /// Whether the password is correct. Always false if there is no stored hash.
    pub is_correct: bool,
    /// Whether the stored hash is cheaper than the settings require.
    pub is_outdated: bool,
}

#[derive(Debug, Clone)]
pub struct Hasher {
    params: Params,
}

impl Hasher {
    pub fn new(settings: &config::Passwords) -> anyhow::Result<Self> {
        let params = Params::new(settings.memory_kib, settings.iterations, settings.parallelism, None)
            .map_err(|error| anyhow::anyhow!("invalid password hashing costs: {error}"))?;
        Ok(Self { params })
    }

    /// Hashes a password with a random salt, in the PHC string format.
    pub fn hash(&self, password: &Password) -> Result<String, InternalError> {
        let context = "hashing a password";
        let mut salt = [0; RECOMMENDED_SALT_LEN];
        getrandom::fill(&mut salt).map_err(|error| InternalError::new(context, error))?;
        let mut output = Zeroizing::new([0; Params::DEFAULT_OUTPUT_LEN]);
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, self.params.clone());
        hash_into("hash", &argon2, password, &salt, &mut *output)?;
        let hash = PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&self.params).map_err(|error| InternalError::new(context, error))?,
            salt: Some(Salt::new(&salt).map_err(|error| InternalError::new(context, error))?),
            hash: Some(Output::new(&*output).map_err(|error| InternalError::new(context, error))?),
        };
        Ok(hash.to_string())
    }

    /// Verifies a password. Without a stored hash, does the same amount of work and returns a negative result.
    pub fn verify(&self, password: &Password, stored: Option<&str>) -> Result<Verdict, InternalError> {
        let Some(stored) = stored else {
            dummy_hash("verify", &self.params, password)?;
            return Ok(Verdict::default());
        };
        let context = "reading a password hash";
        let stored = PasswordHash::new(stored).map_err(|error| InternalError::new(context, error))?;
        let (Some(salt), Some(expected)) = (&stored.salt, &stored.hash) else {
            return Err(InternalError::new(context, "missing salt or hash"));
        };
        let algorithm =
            Algorithm::try_from(stored.algorithm.as_str()).map_err(|error| InternalError::new(context, error))?;
        let version = stored.version.map_or(Ok(Version::V0x13), Version::try_from);
        let version = version.map_err(|error| InternalError::new(context, error))?;
        let params = Params::try_from(&stored).map_err(|error| InternalError::new(context, error))?;
        let mut output = Zeroizing::new([0; Output::MAX_LENGTH]);
        let output = &mut output[..expected.len()];
        let argon2 = Argon2::new(algorithm, version, params.clone());
        hash_into("verify", &argon2, password, salt, output)?;
        // `Output` compares in constant time.
        let is_correct = Output::new(output).is_ok_and(|output| output == *expected);
        let is_outdated = algorithm != Algorithm::Argon2id || self.is_cheaper(&params);
        if is_outdated {
            self.equalize_work(&params, password)?;
        }
        Ok(Verdict {
            is_correct,
            is_outdated,
        })
    }

    /// Does the work that a cheap hash saved. Otherwise the response time would distinguish users who have not logged
    /// in since the costs were raised from unknown users. Work is measured as memory times iterations.
    fn equalize_work(&self, cheap: &Params, password: &Password) -> Result<(), InternalError> {
        let work = |params: &Params| u64::from(params.m_cost()) * u64::from(params.t_cost());
        let configured = &self.params;
        let missing = work(configured).saturating_sub(work(cheap));
        let memory_kib = u32::try_from(missing / u64::from(configured.t_cost())).unwrap_or(configured.m_cost());
        // Below the minimum of argon2, the difference is too small to measure.
        match Params::new(memory_kib, configured.t_cost(), configured.p_cost(), None) {
            Ok(params) => dummy_hash("make_up", &params, password),
            Err(_) => Ok(()),
        }
    }

    /// Whether a hash costs less than the settings require. More expensive hashes stay, so lowering the settings
    /// weakens no stored hash.
    fn is_cheaper(&self, stored: &Params) -> bool {
        stored.m_cost() < self.params.m_cost() || stored.t_cost() < self.params.t_cost()
    }
}

fn hash_into(
    purpose: &str,
    argon2: &Argon2<'_>,
    password: &Password,
    salt: &[u8],
    output: &mut [u8],
) -> Result<(), InternalError> {
    let began = Instant::now();
    let (password, params) = (normalize(password), argon2.params());
    argon2
        .hash_password_into(password.as_bytes(), salt, output)
        .map_err(|error| InternalError::new("hashing a password", error))?;
    // Lets operators measure the configured costs on their machine.
    tracing::debug!(
        target: "callgate::passwords",
        purpose,
        memory_kib = params.m_cost(),
        iterations = params.t_cost(),
        took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        "hashed a password"
    );
    Ok(())
}

fn dummy_hash(purpose: &str, params: &Params, password: &Password) -> Result<(), InternalError> {
    let mut unused = Zeroizing::new([0; Params::DEFAULT_OUTPUT_LEN]);
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    hash_into(purpose, &argon2, password, &[0; RECOMMENDED_SALT_LEN], &mut *unused)
}
