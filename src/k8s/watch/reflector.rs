//! `Reflector`: the loop that lists one kind, page by page, and then watches it.
//!
//! Each step is one request. It ends with a state from which the next step continues, or with a failure and a pause.

use std::convert::Infallible;
use std::time::Instant;

use super::context::WatchContext;
use super::failure::WatchFailure;
use super::state::WatchState;

/// Lists and watches one kind.
pub(super) struct Reflector(pub WatchContext);

impl Reflector {
    /// Lists and watches the kind until it is cancelled.
    pub async fn follow(&self) -> Infallible {
        let context = &self.0;
        context.inventory.progress(context.kind).is_wanted = true;
        let (mut state, mut failures) = (WatchState::Init, 0);
        loop {
            let (began, verb) = (Instant::now(), state.verb());
            let outcome = self.step(&mut state).await;
            let is_watch = verb == "watch";
            let is_healthy = is_watch && began.elapsed() >= context.config.stable_after;
            if is_healthy {
                failures = 0;
            }
            let retry_after = match outcome {
                Ok(()) if is_healthy || !is_watch => continue,
                // A watch that is closed immediately each time must not be opened immediately again.
                Ok(()) => None,
                Err(failure) => {
                    if !failure.reason.can_resume() {
                        state = WatchState::Init;
                    }
                    context.record_failure(verb, failure)
                }
            };
            failures += 1;
            tokio::time::sleep(context.config.random_pause(failures, retry_after)).await;
        }
    }

    async fn step(&self, state: &mut WatchState) -> Result<(), WatchFailure> {
        match state {
            WatchState::Init => *state = self.0.begin_list().await?,
            WatchState::Listing(listing) => {
                if let Some(next) = self.0.next_page(listing).await? {
                    *state = next;
                }
            }
            WatchState::Watching(version) => {
                let was_silent = self.0.watch(version).await?;
                if was_silent {
                    *state = WatchState::Verifying(std::mem::take(version));
                }
            }
            WatchState::Verifying(version) => {
                self.0.verify(version).await?;
                *state = WatchState::Watching(std::mem::take(version));
            }
        }
        Ok(())
    }
}
