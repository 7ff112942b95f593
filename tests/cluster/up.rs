//! `make cluster`: starts the control plane of the tests with the webhook, until Ctrl-C.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests fail by panicking"
)]

#[path = "../common/binaries.rs"]
mod binaries;
#[allow(dead_code, reason = "other test crates use the rest")]
#[path = "../common/control_plane.rs"]
mod control_plane;
#[allow(dead_code, reason = "other test crates use the rest")]
#[path = "../common/program.rs"]
mod program;
#[allow(dead_code, reason = "other test crates use the rest")]
#[path = "../common/violations.rs"]
mod violations;
#[allow(dead_code, reason = "other test crates use the rest")]
#[path = "../common/webhook.rs"]
mod webhook;

fn main() {
    let plane = control_plane::ControlPlane::start();
    let server =
        webhook::start_with_inventory(&plane, &format!("{}noOverlap: {{}}\ndeletion: {{}}\n", webhook::ALLOWED));
    webhook::wait_until_outside(&plane, "172.20.0.0/16");
    println!(
        "\
A Kubernetes control plane is up: service range 10.96.0.0/28, no nodes.

  export KUBECONFIG={}
  kubectl   {}
  policy    {}   edit it, it is read again within a second
  webhook   {}/validate
  health    {}/readyz, /report, /metrics

Press Ctrl-C to stop.",
        plane.kubeconfig().display(),
        binaries::path("kubectl").display(),
        server.path("policy.yaml").display(),
        server.webhook,
        server.health,
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(tokio::signal::ctrl_c()).unwrap();
}
