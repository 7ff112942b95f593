//! `HandshakeQueue`: one TLS handshake after the other, in turns between the sources.
//!
//! A handshake costs as much CPU time as ten requests. Each thread starts one at a time, and its requests run in between.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use tokio::sync::oneshot;

use super::source::SourceNetwork;

/// Up to this length, the first of a source is the next. Beyond it the last: the first may have given up, and with
/// more handshakes than the thread can do, some clients get one in time instead of none.
const MAX_FIFO_LENGTH: usize = 64;

/// The queue of a thread.
#[derive(Clone, Default)]
pub(super) struct HandshakeQueue(Rc<RefCell<Queue>>);

#[derive(Default)]
struct Queue {
    is_busy: bool,
    /// The sources that wait, the next first.
    sources: VecDeque<SourceNetwork>,
    waiting: HashMap<SourceNetwork, VecDeque<oneshot::Sender<Turn>>>,
}

/// The right to start a handshake. The next one may start when it is dropped.
pub(super) struct Turn(Option<HandshakeQueue>);

impl HandshakeQueue {
    /// Waits for a turn.
    pub async fn turn(&self, source: SourceNetwork) -> Turn {
        let receiver = {
            let mut queue = self.0.borrow_mut();
            if !queue.is_busy {
                queue.is_busy = true;
                return Turn(Some(self.clone()));
            }
            let (sender, receiver) = oneshot::channel();
            queue.push(source, sender);
            receiver
        };
        // A sender is only dropped together with the queue.
        receiver.await.unwrap_or(Turn(None))
    }

    fn pass_on(&self) {
        loop {
            let Some(sender) = self.0.borrow_mut().pop() else {
                self.0.borrow_mut().is_busy = false;
                return;
            };
            match sender.send(Turn(Some(self.clone()))) {
                Ok(()) => return,
                // The connection is gone.
                Err(mut turn) => turn.0 = None,
            }
        }
    }
}

impl Queue {
    fn push(&mut self, source: SourceNetwork, sender: oneshot::Sender<Turn>) {
        let waiting = self.waiting.entry(source).or_default();
        if waiting.is_empty() {
            self.sources.push_back(source);
        }
        waiting.push_back(sender);
    }

    fn pop(&mut self) -> Option<oneshot::Sender<Turn>> {
        let source = self.sources.pop_front()?;
        let waiting = self.waiting.get_mut(&source)?;
        let next = if waiting.len() > MAX_FIFO_LENGTH { waiting.pop_back() } else { waiting.pop_front() };
        if waiting.is_empty() {
            self.waiting.remove(&source);
        } else {
            self.sources.push_back(source);
        }
        next
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(queue) = self.0.take() {
            queue.pass_on();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use futures_util::FutureExt as _;

    use super::*;

    fn source(number: u8) -> SourceNetwork {
        SourceNetwork::from(IpAddr::from(Ipv4Addr::new(10, 0, 0, number)))
    }

    /// The order in which waiting connections of these sources get their turns.
    async fn order(sources: &[u8]) -> Vec<usize> {
        let queue = HandshakeQueue::default();
        let first = queue.turn(source(0)).await;
        let mut waiting: Vec<_> = sources
            .iter()
            .map(|number| {
                Box::pin({
                    let queue = queue.clone();
                    async move { queue.turn(source(*number)).await }
                })
            })
            .collect();
        for turn in &mut waiting {
            assert!(turn.now_or_never().is_none());
        }
        drop(first);
        let (mut order, mut left): (Vec<usize>, Vec<usize>) = (Vec::new(), (0..sources.len()).collect());
        while !left.is_empty() {
            let place = left.iter().position(|index| (&mut waiting[*index]).now_or_never().is_some()).unwrap();
            order.push(left.remove(place));
        }
        order
    }

    #[tokio::test]
    async fn sources_take_turns() {
        assert_eq!(order(&[1, 1, 1, 1, 2, 3, 3]).await, [0, 4, 5, 1, 6, 2, 3]);
    }

    #[tokio::test]
    async fn long_queue_serves_the_newest_first() {
        let count = MAX_FIFO_LENGTH + 2;
        let order = order(&vec![1; count]).await;
        assert_eq!(order[..3], [count - 1, count - 2, 0]);
    }

    #[tokio::test]
    async fn closed_connections_lose_their_turn() {
        let queue = HandshakeQueue::default();
        let first = queue.turn(source(1)).await;
        let mut gone = Box::pin(queue.turn(source(2)));
        let mut served = Box::pin(queue.turn(source(3)));
        assert!((&mut gone).now_or_never().is_none() && (&mut served).now_or_never().is_none());
        drop(gone);
        drop(first);
        let turn = served.now_or_never().unwrap();
        drop(turn);
        // A turn that was passed on and not taken is passed on again.
        let first = queue.turn(source(1)).await;
        let mut untaken = Box::pin(queue.turn(source(2)));
        assert!((&mut untaken).now_or_never().is_none());
        drop(first);
        drop(untaken);
        assert!(queue.turn(source(3)).now_or_never().is_some());
    }
}
