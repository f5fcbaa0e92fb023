//! Orders of an operator: checked, obeyed, and answered once they are on disk.

use evenkeel_engine::Input;
use jiff::Timestamp;
use tokio::sync::oneshot;

use super::{Notice, Shell};
use crate::control::{NotObeyed, Obeyed, Order};

impl<N: Fn(Notice)> Shell<N> {
    pub(super) fn order(
        &mut self,
        order: Order,
        reply: oneshot::Sender<Result<Obeyed, NotObeyed>>,
    ) {
        if let Err(refused) = self.expect_possible(&order) {
            // Where nobody takes the answer, the client went away.
            let _ = reply.send(Err(refused));
            return;
        }
        let obeyed = Obeyed { until: self.until(&order), order };
        let (now, order) = (self.clock.now(), obeyed.order.clone());
        let (written, told) = oneshot::channel();
        self.handle_and_tell(Input::Order(order.for_the_engine(now)), Some(written));
        tokio::spawn(async move {
            let answer = match told.await {
                Ok(Ok(_)) => Ok(obeyed),
                Ok(Err(error)) => Err(NotObeyed::NotWritten(error)),
                Err(_) => Err(NotObeyed::NotWritten("the history's thread has ended".to_owned())),
            };
            let _ = reply.send(answer);
        });
    }

    fn expect_possible(&self, order: &Order) -> Result<(), NotObeyed> {
        let target = order.target();
        if let Order::Release { .. } = order
            && !self.engine.holds().iter().any(|hold| hold.target == target)
        {
            // A name that nobody knows is more likely than a hold that somebody else released.
            self.engine.knows_target(target)?;
            let held = self.engine.holds().iter().map(|hold| format!("`{}`", hold.target));
            return Err(NotObeyed::NotHeld {
                target: target.to_owned(),
                held: held.collect::<Vec<_>>().join(", "),
            });
        }
        Ok(self.engine.knows_target(target)?)
    }

    /// When the hold that is ordered ends by itself, as the time of day.
    fn until(&self, order: &Order) -> Option<Timestamp> {
        let Order::Hold { lasts, .. } = order else { return None };
        self.clock.wall().checked_add(*lasts).ok()
    }
}
