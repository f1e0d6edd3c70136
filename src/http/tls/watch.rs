//! Reads certificate and key again when their files change, and shows how long the served one is good.

use std::sync::Arc;
use std::time::Duration;

use prometheus::Gauge;
use prometheus::Registry;
use tokio::task::spawn_blocking;

use crate::gateway::Gateway;
use crate::gateway::meters::Alarm;
use crate::http::tls::Mark;
use crate::http::tls::Tls;
use crate::http::tls::Unusable;

/// How often the files are looked at: two `stat`s. Kubernetes swaps the folder behind a link, which no file watch sees.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Watches over one listener's certificate.
#[derive(Debug)]
pub struct Watch {
    tls: Arc<Tls>,
    left: Gauge,
}

impl Watch {
    /// Registers the metric; a second time on one registry is an error.
    pub fn register(tls: Arc<Tls>, registry: &Registry) -> Result<Self, prometheus::Error> {
        let left = Gauge::new(
            "portcullis_certificate_expiry_seconds",
            "Until the certificate that the public listener serves ends; below 0 it has ended.",
        )?;
        registry.register(Box::new(left.clone()))?;
        Ok(Self { tls, left })
    }

    /// Watches until the gateway stops. Files that cannot be used change nothing, and raise an alarm once a change.
    pub async fn run(self, gateway: Arc<Gateway>) {
        let mut stop = gateway.stopping();
        let mut files = Files::seen(self.tls.mark());
        loop {
            self.show(&gateway);
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                _ = stop.wait_for(|stopping| *stopping) => return,
            }
            if files.have_changed(self.tls.mark()) {
                self.reload(&gateway).await;
            }
        }
    }

    async fn reload(&self, gateway: &Gateway) {
        let tls = Arc::clone(&self.tls);
        let read = spawn_blocking(move || tls.reload()).await;
        match read {
            Ok(Ok(())) => tracing::info!("the changed certificate is served"),
            Ok(Err(error)) => refused(gateway, &error),
            Err(error) => tracing::error!(%error, "the changed certificate could not be read"),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "milliseconds of centuries fit")]
    fn show(&self, gateway: &Gateway) {
        if let Some(ends) = self.tls.ends() {
            let left = ends.millis().saturating_sub(gateway.clock.now().millis());
            self.left.set(left as f64 / 1000.0);
        }
    }
}

fn refused(gateway: &Gateway, error: &Unusable) {
    gateway.meters.alarm(Alarm::CertificateRefused);
    tracing::error!(%error, "the changed certificate was refused; the last good one is served");
}

/// Two files that are replaced one after the other: they are read when nothing has changed since the look before.
struct Files {
    read: Mark,
    last: Mark,
}

impl Files {
    const fn seen(mark: Mark) -> Self {
        Self { read: mark, last: mark }
    }

    fn have_changed(&mut self, mark: Mark) -> bool {
        let rests = mark == self.last;
        self.last = mark;
        if !rests || mark == self.read {
            return false;
        }
        self.read = mark;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn files_are_read_once_when_they_rest() {
        let mark = |seconds| {
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            Mark([Some((1, at)), Some((1, SystemTime::UNIX_EPOCH))])
        };
        let mut files = Files::seen(mark(1));
        assert!(!files.have_changed(mark(1)), "nothing new");
        assert!(!files.have_changed(mark(2)), "perhaps the other one follows");
        assert!(files.have_changed(mark(2)));
        assert!(!files.have_changed(mark(2)), "read already");
    }
}
