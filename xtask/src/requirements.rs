//! What a machine must have besides Rust.

use std::path::Path;

use anyhow::bail;

use crate::command::{answers, program};

/// A program that the tests use, and the Debian package that brings it.
struct Requirement {
    what: &'static str,
    package: &'static str,
    is_there: fn() -> bool,
}

const FOR_TESTS: [Requirement; 3] = [
    Requirement { what: "PostgreSQL", package: "postgresql", is_there: postgres_is_there },
    Requirement { what: "Redis", package: "redis-server", is_there: || answers("redis-server") },
    Requirement { what: "curl", package: "curl", is_there: || answers("curl") },
];

const FOR_SDKS: [Requirement; 3] = [
    Requirement { what: "Python 3", package: "python3", is_there: || answers("python3") },
    Requirement { what: "Python's venv", package: "python3-venv", is_there: venv_is_there },
    Requirement { what: "npm", package: "npm", is_there: || answers("node") && answers("npm") },
];

const FOR_NGINX: [Requirement; 2] = [
    Requirement { what: "nginx", package: "nginx", is_there: nginx_is_there },
    Requirement { what: "OpenSSL", package: "openssl", is_there: openssl_is_there },
];

const FOR_BROWSER: [Requirement; 2] = [
    Requirement { what: "Chromium", package: "chromium", is_there: || answers("chromium") },
    Requirement { what: "ChromeDriver", package: "chromium-driver", is_there: || answers("chromedriver") },
];

/// Sees to it that the tests can run: installs what is missing where that is possible, else says
/// what to install.
pub(crate) fn for_tests() -> anyhow::Result<()> {
    provide(&FOR_TESTS)
}

/// The same for the vendors' clients.
pub(crate) fn for_sdks() -> anyhow::Result<()> {
    provide(&FOR_SDKS)
}

/// The same for the tests behind nginx.
pub(crate) fn for_nginx() -> anyhow::Result<()> {
    provide(&FOR_NGINX)
}

/// The same for the tests in a browser.
pub(crate) fn for_browser() -> anyhow::Result<()> {
    provide(&FOR_BROWSER)
}

fn provide(requirements: &[Requirement]) -> anyhow::Result<()> {
    let missing: Vec<_> = requirements.iter().filter(|requirement| !(requirement.is_there)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if is_root() && answers("apt-get") {
        let packages: Vec<_> = missing.iter().map(|requirement| requirement.package).collect();
        install(&packages)?;
    }
    let still: Vec<_> = missing.iter().filter(|requirement| !(requirement.is_there)()).collect();
    if still.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = still.iter().map(|requirement| requirement.what).collect();
    let packages: Vec<_> = still.iter().map(|requirement| requirement.package).collect();
    bail!("missing: {}; install with: sudo apt-get install {}", names.join(", "), packages.join(" "))
}

/// Mirrors lose files between the update and the install now and then: once more, then give up.
fn install(packages: &[&str]) -> anyhow::Result<()> {
    println!("installing {}", packages.join(" "));
    let update = || program("apt-get").args(["update", "--quiet"]).probe();
    let install = || {
        program("apt-get")
            .args(["install", "--yes", "--quiet", "--no-install-recommends"])
            .args(packages)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .probe()
            .is_some_and(|output| output.status.success())
    };
    update();
    if install() {
        return Ok(());
    }
    update();
    if install() {
        return Ok(());
    }
    bail!("cannot install {}: apt-get failed twice", packages.join(" "))
}

/// Whether this process may install packages.
pub(crate) fn is_root() -> bool {
    program("id").args(["-u"]).probe().is_some_and(|output| output.stdout.trim_ascii() == b"0")
}

/// Debian keeps the server's programs outside the search path.
fn postgres_is_there() -> bool {
    let versions = Path::new("/usr/lib/postgresql").read_dir();
    let installed = versions.is_ok_and(|mut versions| {
        versions.any(|version| version.is_ok_and(|v| v.path().join("bin/initdb").exists()))
    });
    installed || answers("initdb")
}

/// Debian keeps it where only root looks.
fn nginx_is_there() -> bool {
    ["nginx", "/usr/sbin/nginx"]
        .into_iter()
        .any(|name| program(name).args(["-v"]).probe().is_some_and(|output| output.status.success()))
}

fn openssl_is_there() -> bool {
    program("openssl").args(["version"]).probe().is_some_and(|output| output.status.success())
}

fn venv_is_there() -> bool {
    program("python3")
        .args(["-c", "import venv, ensurepip"])
        .probe()
        .is_some_and(|output| output.status.success())
}
