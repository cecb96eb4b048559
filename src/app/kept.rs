//! A database connection that a worker keeps between two groups. Handing it back to the pool would cost a round trip,
//! by which the pool checks that it is still good.

use std::sync::{Mutex, PoisonError};

use sqlx::Postgres;
use sqlx::pool::PoolConnection;

use super::App;

/// None, until one was put back.
#[derive(Default)]
pub struct Kept(Mutex<Option<PoolConnection<Postgres>>>);

impl Kept {
    /// The kept connection, or else one from the pool.
    ///
    /// # Errors
    /// When there is no connection in time.
    pub async fn take(&self, app: &App) -> Result<PoolConnection<Postgres>, sqlx::Error> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        match kept {
            Some(conn) => Ok(conn),
            None => app.acquire().await,
        }
    }

    /// Keeps the connection for the next group, after work that succeeded, as long as less than half of the pool is in
    /// use. Otherwise it goes back to the pool.
    pub fn put(&self, app: &App, conn: PoolConnection<Postgres>) {
        let most = app.pool.options().get_max_connections();
        let in_use = usize::try_from(app.pool.size()).unwrap_or(usize::MAX).saturating_sub(app.pool.num_idle());
        if in_use < usize::try_from(most / 2).unwrap_or_default() {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(conn);
        }
    }
}
