//! Password hashes: argon2id (RFC 9106).
//!
//! A login for a user that does not exist costs the same work as one for a user that does, and where a stored hash is from
//! cheaper days, the difference is made up for. (One from dearer days costs more than the settings ask for, until its
//! password is changed.)

use std::time::Instant;

use argon2::{
    Algorithm, Argon2, Params, RECOMMENDED_SALT_LEN, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash, Salt},
};
use zeroize::Zeroizing;

use super::normalised;
use crate::{
    contract::login::Password,
    server::{config, telemetry::error::InternalError},
};

/// What a verification came to.
#[derive(Debug)]
pub struct Verdict {
    /// Whether the password is right. Never true where there was no stored hash.
    pub is_right: bool,
    /// Whether the stored hash is cheaper than the settings ask for.
    pub is_outdated: bool,
}

/// Hashes and verifies one password after the other.
#[derive(Debug, Clone)]
pub struct Hasher {
    params: Params,
}

impl Hasher {
    /// Hashing as `settings` say.
    ///
    /// # Errors
    /// Costs that argon2 does not take.
    pub fn new(settings: &config::Passwords) -> anyhow::Result<Self> {
        let params = Params::new(settings.memory_kib, settings.iterations, settings.parallelism, None)
            .map_err(|error| anyhow::anyhow!("the password costs are not usable: {error}"))?;
        Ok(Self { params })
    }

    /// The hash of a password as it is stored, with a salt of its own.
    ///
    /// # Errors
    /// A fault if the operating system has no random numbers.
    pub fn hash(&self, password: &Password) -> Result<String, InternalError> {
        let doing = "hashing a password";
        let mut salt = [0; RECOMMENDED_SALT_LEN];
        getrandom::fill(&mut salt).map_err(|error| InternalError::new(doing, error))?;
        let mut output = Zeroizing::new([0; Params::DEFAULT_OUTPUT_LEN]);
        let present = Argon2::new(Algorithm::Argon2id, Version::V0x13, self.params.clone());
        fill("hash", &present, password, &salt, &mut *output)?;
        let hash = PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&self.params).map_err(|error| InternalError::new(doing, error))?,
            salt: Some(Salt::new(&salt).map_err(|error| InternalError::new(doing, error))?),
            hash: Some(Output::new(&*output).map_err(|error| InternalError::new(doing, error))?),
        };
        Ok(hash.to_string())
    }

    /// Verifies a password against a stored hash, or does the same work for nothing where there is none.
    ///
    /// # Errors
    /// A fault where the stored hash is unreadable.
    pub fn verify(&self, password: &Password, stored: Option<&str>) -> Result<Verdict, InternalError> {
        let Some(stored) = stored else {
            work_for_nothing("verify", &self.params, password)?;
            return Ok(Verdict {
                is_right: false,
                is_outdated: false,
            });
        };
        let reading = "reading a password hash";
        let stored = PasswordHash::new(stored).map_err(|error| InternalError::new(reading, error))?;
        let (Some(salt), Some(expected)) = (&stored.salt, &stored.hash) else {
            return Err(InternalError::new(reading, "it has no salt or no hash"));
        };
        let algorithm =
            Algorithm::try_from(stored.algorithm.as_str()).map_err(|error| InternalError::new(reading, error))?;
        let version = stored.version.map_or(Ok(Version::V0x13), Version::try_from);
        let version = version.map_err(|error| InternalError::new(reading, error))?;
        let params = Params::try_from(&stored).map_err(|error| InternalError::new(reading, error))?;
        let mut output = Zeroizing::new([0; Output::MAX_LENGTH]);
        let output = &mut output[..expected.len()];
        let as_then = Argon2::new(algorithm, version, params.clone());
        fill("verify", &as_then, password, salt, output)?;
        // Outputs are compared in constant time.
        let is_right = Output::new(output).is_ok_and(|output| output == *expected);
        let is_outdated = algorithm != Algorithm::Argon2id || self.is_cheaper(&params);
        if is_outdated {
            self.make_up_for(&params, password)?;
        }
        Ok(Verdict { is_right, is_outdated })
    }

    /// Does the work that a cheap hash saved: otherwise users who have not logged in since the costs were raised could be told,
    /// by the time, from names that nobody has. Work is memory times iterations.
    fn make_up_for(&self, cheap: &Params, password: &Password) -> Result<(), InternalError> {
        let work = |params: &Params| u64::from(params.m_cost()) * u64::from(params.t_cost());
        let asked = &self.params;
        let saved = work(asked).saturating_sub(work(cheap));
        let memory_kib = u32::try_from(saved / u64::from(asked.t_cost())).unwrap_or(asked.m_cost());
        // Less than argon2 does at the least is too little to be seen.
        match Params::new(memory_kib, asked.t_cost(), asked.p_cost(), None) {
            Ok(params) => work_for_nothing("make_up", &params, password),
            Err(_) => Ok(()),
        }
    }

    /// Whether a hash took less work than the settings ask for. A dearer one is kept: lowering the settings weakens nobody.
    fn is_cheaper(&self, found: &Params) -> bool {
        found.m_cost() < self.params.m_cost() || found.t_cost() < self.params.t_cost()
    }
}

fn fill(
    purpose: &str,
    argon2: &Argon2<'_>,
    password: &Password,
    salt: &[u8],
    output: &mut [u8],
) -> Result<(), InternalError> {
    let began = Instant::now();
    let (password, params) = (normalised(password), argon2.params());
    argon2
        .hash_password_into(password.as_bytes(), salt, output)
        .map_err(|error| InternalError::new("hashing a password", error))?;
    // For operators who choose costs by what they do here.
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

fn work_for_nothing(purpose: &str, params: &Params, password: &Password) -> Result<(), InternalError> {
    let mut unused = Zeroizing::new([0; Params::DEFAULT_OUTPUT_LEN]);
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    fill(purpose, &argon2, password, &[0; RECOMMENDED_SALT_LEN], &mut *unused)
}
