//! Names of viewers who are not signed in: they last a day, and nobody can undo them once its salt is thrown away.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use clipper_projections::{Query, Statement};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{Db, StorageError, keys};

/// For how long a salt is kept.
const SALT_LIFE: TimeDelta = TimeDelta::hours(48);

/// Gives viewers their names.
#[derive(Clone)]
pub struct Viewers {
    db: Db,
    /// Read once a day; a lock that is held for a comparison and a copy.
    today: Arc<Mutex<Option<(NaiveDate, String)>>>,
}

#[derive(sqlx::FromRow)]
struct SaltRow {
    salt: String,
}

impl Viewers {
    /// Names under the salts of this database.
    pub fn new(db: Db) -> Self {
        Self {
            db,
            today: Arc::default(),
        }
    }

    /// The name of whoever has this address and this browser. The address is cut to its network first.
    pub async fn name(
        &self,
        address: IpAddr,
        agent: &str,
        now: DateTime<Utc>,
    ) -> Result<String, StorageError> {
        let salt = self.salt(now).await?;
        let Ok(mut hash) = Hmac::<Sha256>::new_from_slice(salt.as_bytes()) else {
            return Ok(String::new());
        };
        hash.update(network(address).as_bytes());
        hash.update(agent.as_bytes());
        let digest = hash.finalize().into_bytes();
        Ok(hex::encode(digest.get(..8).unwrap_or_default()))
    }

    async fn salt(&self, now: DateTime<Utc>) -> Result<String, StorageError> {
        let day = now.date_naive();
        let known = self.today.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, salt)) = known.filter(|(of, _)| *of == day) {
            return Ok(salt);
        }
        // All nodes take the salt of whoever was first.
        let fresh = keys::random().unwrap_or_else(|_none| uuid::Uuid::new_v4().to_string());
        let insert = Statement::new(
            "INSERT INTO viewer_salts (day, salt) VALUES ($1, $2) ON CONFLICT (day) DO NOTHING",
            vec![day.to_string().into(), fresh.as_str().into()],
        );
        self.db.execute(&insert).await?;
        let query = Query::<SaltRow>::new(
            "SELECT salt FROM viewer_salts WHERE day = $1",
            vec![day.to_string().into()],
        );
        let salt = self.db.optional(query).await?.map_or(fresh, |row| row.salt);
        *self.today.lock().unwrap_or_else(PoisonError::into_inner) = Some((day, salt.clone()));
        Ok(salt)
    }
}

/// /24 of IPv4, /48 of IPv6.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => std::net::Ipv4Addr::from_bits(v4.to_bits() & 0xffff_ff00).to_string(),
        IpAddr::V6(v6) => std::net::Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 80)).to_string(),
    }
}

/// Throws old salts away.
pub async fn sweep(db: &Db, now: DateTime<Utc>) -> Result<u64, StorageError> {
    let oldest = (now - SALT_LIFE).date_naive().to_string();
    db.execute(&Statement::new(
        "DELETE FROM viewer_salts WHERE day < $1",
        vec![oldest.into()],
    ))
    .await
}
