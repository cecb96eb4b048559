//! `dev --hosted`: the sandbox for many LSPs.

use std::fmt;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use futures_util::future::BoxFuture;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::fs;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use super::dev::{self, reachable};
use super::{CliError, key_files, output, run};
use crate::app::SharedApp;
use crate::clock::Ids;
use crate::config::{Config, HostedConfig, Listen, hosted::is_strong};
use crate::hosted::{self, Host, HostError, Launch, Start};
use crate::http::connections::{self, Bounds, Door};
use crate::http::{Listeners, Routers, serve_routers};

/// Starts a namespace as `dev` starts its one sandbox.
struct Launcher;

impl Launch for Launcher {
    fn launch(&self, config: Config, kid: String) -> BoxFuture<'_, Result<SharedApp, HostError>> {
        Box::pin(async move {
            let data_dir = config.sandbox.as_ref().ok_or(HostError::NotHosted)?.data_dir.clone();
            // On a thread of its own: the migrator's future is Send for some lifetimes only, as the compiler sees it.
            let runtime = Handle::current();
            let building = spawn_blocking(move || runtime.block_on(dev::build(config, &data_dir, kid)));
            let built = building.await.map_err(|error| HostError::Launch(error.into()))?;
            let app = built.map_err(|error| HostError::Launch(error.into()))?;
            // When a task ends early the app is stopped; the next request starts the namespace again.
            run::background(&app);
            Ok(app)
        })
    }
}

pub(super) async fn serve(
    config: Config,
    listeners: Listeners,
    stop: CancellationToken,
    begun: Instant,
) -> Result<(), CliError> {
    let sandbox = config.sandbox.clone().ok_or(HostError::NotHosted)?;
    let settings = sandbox.hosted.ok_or(HostError::NotHosted)?;
    let (token, token_file) = token(&settings, &sandbox.data_dir).await?;
    let kid = format!("{}-host", config.lender.org_id);
    let app = dev::build(config, &sandbox.data_dir, kid).await?;
    let inbox = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let start = Start { app: Arc::clone(&app), launch: Arc::new(Launcher), token };
    let host = Host::start(start, inbox.local_addr()?).await?;
    if !stop.is_cancelled() {
        let (listen, namespaces) = (app.config.listen, host.count());
        let data_dir = sandbox.data_dir.as_path();
        output::line(Banner { listen, namespaces, token_file, data_dir, took_ms: begun.elapsed().as_millis() });
    }
    run::end_with(&app, stop);
    app.tasks.spawn(connections::serve(
        Arc::clone(&app),
        Door { listener: inbox, tls: None, bench: None, bounds: Bounds::default() },
        hosted::inbox_router(&host),
    ));
    let routers = Routers {
        lsp: hosted::lsp_router(&host),
        borrower: hosted::borrower_router(&host),
        admin: hosted::admin_router(&host),
    };
    serve_routers(Arc::clone(&app), listeners, routers).await;
    host.stop().await;
    run::end(&app).await;
    Ok(())
}

/// The host's token, and the file it is in, if it is in one.
async fn token(settings: &HostedConfig, data_dir: &Path) -> Result<(SecretString, Option<PathBuf>), HostError> {
    if let Some(token) = &settings.token {
        return Ok((token.clone(), None));
    }
    let path = settings.token_file.clone().unwrap_or_else(|| data_dir.join("host.token"));
    let failed = |source| HostError::File { path: path.clone(), source };
    if settings.token_file.is_none() && !fs::try_exists(&path).await.map_err(failed)? {
        let token: SecretString = Ids.token().into();
        key_files::write_new(&path, &token).await.map_err(|error| HostError::Launch(error.into()))?;
        return Ok((token, Some(path)));
    }
    let mode = fs::metadata(&path).await.map_err(failed)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(HostError::Token { path, detail: "others may read this token: chmod 600" });
    }
    let text: SecretString = fs::read_to_string(&path).await.map_err(failed)?.into();
    let token: SecretString = text.expose_secret().trim().into();
    if !is_strong(token.expose_secret()) {
        return Err(HostError::Token {
            path,
            detail: "this token is too short: 24 characters or more, without blanks",
        });
    }
    Ok((token, Some(path)))
}

/// What `dev --hosted` shows when it is ready.
struct Banner<'a> {
    listen: Listen,
    namespaces: usize,
    token_file: Option<PathBuf>,
    data_dir: &'a Path,
    took_ms: u128,
}

impl fmt::Display for Banner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [lsp, admin, borrower] = [self.listen.lsp, self.listen.admin, self.listen.borrower].map(reachable);
        let version = env!("CARGO_PKG_VERSION");
        writeln!(f)?;
        writeln!(f, "  ocen-lender {version} hosted sandbox, ready after {} ms", self.took_ms)?;
        writeln!(f)?;
        writeln!(f, "  LSPs        http://{lsp}/NAMESPACE/v3/...")?;
        writeln!(f, "  Operators   http://{admin}/NAMESPACE/admin/...")?;
        writeln!(f, "  Borrowers   http://{borrower}/NAMESPACE/")?;
        writeln!(f, "  Register    http://{admin}/hosted")?;
        writeln!(f, "  Namespaces  {}", self.namespaces)?;
        writeln!(f)?;
        let (place, token) = self.token_file.as_ref().map_or_else(
            || ("as given".to_owned(), "$OCEN_HOSTED_TOKEN".to_owned()),
            |file| (format!("in {}", file.display()), format!("$(cat {})", file.display())),
        );
        writeln!(f, "  Token       the host's, {place}")?;
        writeln!(f, "  Next        curl -X POST http://{admin}/hosted/invites -H \"Authorization: Bearer {token}\"")?;
        writeln!(f, "  End         Ctrl-C; what is kept stands in {}", self.data_dir.display())
    }
}
