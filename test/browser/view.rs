//! The pairing page in a browser, as a person sees it, and every face it has shown.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde_json::json;

use super::webdriver::Browser;
use crate::harness::{LONG, Result, Server};

/// Notes each change of the page's state with what it says then, and each breach of its policy.
const WATCH: &str = "
  const faces = (window.facesSeen = []);
  const breaches = (window.breachesSeen = []);
  document.addEventListener('securitypolicyviolation', (event) => {
    breaches.push(`${event.violatedDirective} ${event.blockedURI}`);
  });
  window.faceNow = () => {
    const at = (id) => document.getElementById(id);
    const seen = (element) => Boolean(element && element.getClientRects().length);
    const root = document.documentElement;
    return {
      state: root.dataset.state || '',
      title: at('status-title').textContent,
      text: at('status-text').textContent,
      tone: root.dataset.tone || '',
      tab: document.title,
      code: root.dataset.qrUrl || '',
      picture: seen(at('qr')) ? at('qr').getAttribute('src') : '',
      seconds: seen(at('timer')) ? at('seconds').textContent : '',
      action: seen(at('action')) ? at('action').textContent : '',
      link: seen(at('mobile-link')) ? at('mobile-link').href : '',
      focus: document.activeElement ? document.activeElement.id : '',
    };
  };
  new MutationObserver(() => {
    if (!document.getElementById('steps')) return;
    const face = window.faceNow();
    const last = faces.at(-1);
    if (!last || last.state !== face.state || last.code !== face.code || last.title !== face.title) faces.push(face);
  }).observe(document, {
    subtree: true, childList: true, attributes: true, attributeFilter: ['data-state', 'data-qr-url'],
  });
";

/// Runs the page's clocks so many times faster than the server's.
fn hasten(times: u32) -> String {
    format!(
        "const times = {times}, wait = window.setTimeout, now = performance.now.bind(performance);
         window.setTimeout = (then, ms, ...rest) => wait(then, ms / times, ...rest);
         performance.now = () => now() * times;"
    )
}

/// What the page shows at one moment; what is not in view is empty.
#[derive(Clone, Debug, Deserialize)]
pub struct Face {
    pub state: String,
    pub title: String,
    pub text: String,
    pub tone: String,
    /// What the browser's tab says.
    pub tab: String,
    /// The URL in force, `data-qr-url`.
    pub code: String,
    pub picture: String,
    pub seconds: String,
    pub action: String,
    pub link: String,
    /// The id of what has the focus.
    pub focus: String,
}

impl Face {
    /// The session id in the URL in force.
    pub fn sid(&self) -> Result<String> {
        Ok(sid_in(&self.code)?.to_owned())
    }
}

/// The session id at the end of a code's URL.
pub fn sid_in(url: &str) -> Result<&str> {
    url.trim_end_matches('/').rsplit('/').next().filter(|sid| sid.len() == 32).with_context(|| format!("no sid: {url}"))
}

/// An open pairing page.
pub struct View {
    pub browser: Browser,
}

impl View {
    /// A browser that has not gone anywhere yet.
    pub async fn new() -> Result<Self> {
        let browser = Browser::open().await?;
        browser.run_first(WATCH).await?;
        Ok(Self { browser })
    }

    /// A user's page, open.
    pub async fn of(server: &Server, user: &str) -> Result<Self> {
        let view = Self::new().await?;
        view.open(server, user).await?;
        Ok(view)
    }

    /// The same in a hurry: the page's time runs so many times faster than the server's.
    pub async fn in_haste(server: &Server, user: &str, times: u32) -> Result<Self> {
        let view = Self::new().await?;
        view.browser.run_first(&hasten(times)).await?;
        view.open(server, user).await?;
        Ok(view)
    }

    /// Opens a user's page; `user` is written as in a path.
    pub async fn open(&self, server: &Server, user: &str) -> Result {
        self.browser.go(&server.url(&format!("/pair/{user}"))).await
    }

    pub async fn face(&self) -> Result<Face> {
        Ok(serde_json::from_value(self.browser.run("return window.faceNow();").await?)?)
    }

    /// All faces since the page was opened, oldest first.
    pub async fn faces(&self) -> Result<Vec<Face>> {
        Ok(serde_json::from_value(self.browser.run("return window.facesSeen;").await?)?)
    }

    /// The states since the page was opened, repeats left out.
    pub async fn states(&self) -> Result<Vec<String>> {
        let mut states: Vec<String> = self.faces().await?.into_iter().map(|face| face.state).collect();
        states.dedup();
        Ok(states)
    }

    /// Waits for the page to look like this now.
    pub async fn shows(&self, what: &str, is_it: impl Fn(&Face) -> bool) -> Result<Face> {
        let begun = Instant::now();
        while begun.elapsed() < LONG {
            let face = self.face().await?;
            if is_it(&face) {
                return Ok(face);
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        bail!("the page never showed {what}, but {:#?}", self.faces().await?)
    }

    /// Waits for the page to be in this state.
    pub async fn is(&self, state: &str) -> Result<Face> {
        self.shows(state, |face| face.state == state).await
    }

    /// Waits for a code in the page other than this one.
    pub async fn code_after(&self, code: &str) -> Result<Face> {
        self.shows("another code", |face| face.state == "waiting" && !face.code.is_empty() && face.code != code).await
    }

    /// What broke the page's Content-Security-Policy.
    pub async fn breaches(&self) -> Result<Vec<String>> {
        Ok(serde_json::from_value(self.browser.run("return window.breachesSeen;").await?)?)
    }

    /// Where everything came from that the page loaded by itself.
    pub async fn loaded_from(&self) -> Result<Vec<String>> {
        let origins = "return performance.getEntriesByType('resource').map((entry) => new URL(entry.name).origin);";
        Ok(serde_json::from_value(self.browser.run(origins).await?)?)
    }

    /// How far the page is wider than its screen, in CSS pixels. A phone's window grows with
    /// what is in it, its screen does not.
    pub async fn overflow(&self) -> Result<i64> {
        let measure = "return Math.ceil(document.documentElement.scrollWidth - Math.min(innerWidth, screen.width));";
        self.browser.run(measure).await?.as_i64().context("no number")
    }

    /// Puts on one state's face without going there, with all that any state may show: for
    /// measuring, not for trusting.
    pub async fn pose(&self, state: &str) -> Result {
        let pose = "document.documentElement.dataset.state = arguments[0];
            for (const id of ['action', 'timer', 'copy']) document.getElementById(id).hidden = false;";
        self.browser.run_with(pose, json!([state])).await?;
        Ok(())
    }
}
