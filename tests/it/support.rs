//! What tests stand on: databases, footage, a program in this process and programs in their own.

pub(crate) mod app;
pub(crate) mod database;
pub(crate) mod footage;
pub(crate) mod process;
pub(crate) mod provider;
pub(crate) mod receiver;
pub(crate) mod s3;
pub(crate) mod screen;

/// Runs each test once per database: `async fn name(app: &TestApp)`.
macro_rules! on_both_databases {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[actix::test]
            async fn $name() {
                let app = crate::support::app::TestApp::spawn(crate::support::database::Backend::Sqlite).await;
                super::$name(&app).await;
                app.finish().await;
            })*
        }
        mod postgres {
            $(#[actix::test]
            async fn $name() {
                let app = crate::support::app::TestApp::spawn(crate::support::database::Backend::Postgres).await;
                super::$name(&app).await;
                app.finish().await;
            })*
        }
    };
}
pub(crate) use on_both_databases;
