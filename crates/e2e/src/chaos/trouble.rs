//! What may happen to a server that everything depends on.

use std::fmt;
use std::time::Duration;

use crate::chaos::Stage;

/// What the processes depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dependency {
    /// The database.
    Postgres,
    /// Redis, which comes back empty.
    Redis,
}

impl Dependency {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Postgres, Self::Redis];
}

/// What happens to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It is gone for a while.
    Stop,
    /// It is there, and does nothing.
    Freeze,
    /// It is gone, and back at once.
    Restart,
    /// It answers so much later.
    Slow(Duration),
}

impl Trouble {
    /// Each of them.
    pub const ALL: [Self; 4] =
        [Self::Stop, Self::Freeze, Self::Restart, Self::Slow(Duration::from_millis(100))];

    /// Brings it over a dependency for a while, and takes it away again.
    pub async fn befall(
        self,
        dependency: Dependency,
        stage: &mut Stage,
        for_how_long: Duration,
    ) -> anyhow::Result<()> {
        match (self, dependency) {
            (Self::Stop, Dependency::Postgres) => {
                stage.postgres.stop().await?;
                tokio::time::sleep(for_how_long).await;
                stage.postgres.start_again().await?;
            }
            (Self::Stop, Dependency::Redis) => {
                stage.redis.stop().await?;
                tokio::time::sleep(for_how_long).await;
                stage.redis.restart().await?;
            }
            (Self::Freeze, Dependency::Postgres) => {
                stage.postgres.pause()?;
                tokio::time::sleep(for_how_long).await;
                stage.postgres.resume()?;
            }
            (Self::Freeze, Dependency::Redis) => {
                stage.redis.pause()?;
                tokio::time::sleep(for_how_long).await;
                stage.redis.resume()?;
            }
            (Self::Restart, Dependency::Postgres) => {
                stage.postgres.stop().await?;
                stage.postgres.start_again().await?;
                tokio::time::sleep(for_how_long).await;
            }
            (Self::Restart, Dependency::Redis) => {
                stage.redis.restart().await?;
                tokio::time::sleep(for_how_long).await;
            }
            (Self::Slow(delay), dependency) => {
                let line = match dependency {
                    Dependency::Postgres => &stage.to_postgres,
                    Dependency::Redis => &stage.to_redis,
                };
                line.slow_down(delay);
                tokio::time::sleep(for_how_long).await;
                line.slow_down(Duration::ZERO);
            }
        }
        Ok(())
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stop => f.write_str("stop"),
            Self::Freeze => f.write_str("SIGSTOP"),
            Self::Restart => f.write_str("restart"),
            Self::Slow(delay) => write!(f, "slow (+{} ms each way)", delay.as_millis()),
        }
    }
}

impl fmt::Display for Dependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Postgres => "PostgreSQL",
            Self::Redis => "Redis",
        })
    }
}
