//! Somebody who listens: takes posts, remembers them, answers as told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use http::{HeaderMap, Response};
use serde_json::Value;
use switchboard::crypto::signature::{WebhookSecret, webhook};
use switchboard::model::lock::lock;
use tokio::task::JoinHandle;
use warp::Filter as _;

use crate::harness::Result;

/// One answer.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    pub status: u16,
    pub retry_after: Option<u64>,
    pub delay: Duration,
}

impl Answer {
    pub fn status(status: u16) -> Self {
        Self { status, retry_after: None, delay: Duration::ZERO }
    }
}

/// One post, as it came.
#[derive(Clone, Debug)]
pub struct Post {
    pub path: String,
    pub query: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub at: Instant,
}

impl Post {
    pub fn header(&self, name: &str) -> Result<&str> {
        Ok(self.headers.get(name).with_context(|| format!("no {name}"))?.to_str()?)
    }

    pub fn id(&self) -> Result<&str> {
        self.header("webhook-id")
    }

    pub fn json(&self) -> Result<Value> {
        Ok(serde_json::from_slice(&self.body)?)
    }

    pub fn signatures(&self) -> Result<Vec<&str>> {
        Ok(self.header("webhook-signature")?.split(' ').collect())
    }

    /// Whether one of the signatures is of this secret, as any receiver would check it.
    pub fn is_signed_by(&self, secret: &str) -> Result<bool> {
        let secret: WebhookSecret = secret.parse()?;
        let timestamp: i64 = self.header("webhook-timestamp")?.parse()?;
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
        ensure!(now.abs_diff(timestamp.unsigned_abs()) < 120, "{timestamp} is not now");
        let right = webhook::sign(&secret, self.id()?, timestamp, &self.body);
        Ok(self.signatures()?.contains(&right.as_str()))
    }
}

#[derive(Default)]
struct Book {
    posts: Vec<Post>,
    answers: VecDeque<Answer>,
}

pub struct Receiver {
    pub port: u16,
    book: Arc<Mutex<Book>>,
    task: JoinHandle<()>,
}

impl Receiver {
    /// Answers 200 until told otherwise.
    pub async fn start() -> Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let book = Arc::new(Mutex::new(Book::default()));
        let noted = book.clone();
        let query = warp::query::raw().or(warp::any().map(String::new)).unify();
        let route = warp::post().and(warp::path::full()).and(query);
        let route = route.and(warp::header::headers_cloned()).and(warp::body::bytes());
        let route = route.then(move |path: warp::path::FullPath, query, headers, body| {
            let came = Post { path: path.as_str().to_owned(), query, headers, body, at: Instant::now() };
            let answer = note(&noted, came);
            async move {
                tokio::time::sleep(answer.delay).await;
                let mut response = Response::builder().status(answer.status);
                if let Some(seconds) = answer.retry_after {
                    response = response.header("retry-after", seconds);
                }
                response.body("").unwrap_or_default()
            }
        });
        let task = tokio::spawn(warp::serve(route).incoming(listener).run());
        Ok(Self { port, book, task })
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    fn book(&self) -> std::sync::MutexGuard<'_, Book> {
        lock(&self.book)
    }

    /// What the next posts are answered; the last of them stays.
    pub fn answer(&self, answers: impl IntoIterator<Item = Answer>) {
        self.book().answers = answers.into_iter().collect();
    }

    pub fn posts(&self) -> Vec<Post> {
        self.book().posts.clone()
    }

    /// Waits for so many posts altogether.
    pub async fn wait(&self, count: usize) -> Result<Vec<Post>> {
        let begun = Instant::now();
        loop {
            let posts = self.posts();
            if posts.len() >= count {
                return Ok(posts);
            }
            ensure!(begun.elapsed() < crate::harness::LONG, "{} of {count} posts", posts.len());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

fn note(book: &Mutex<Book>, post: Post) -> Answer {
    let mut book = lock(book);
    book.posts.push(post);
    let next = book.answers.front().copied();
    if book.answers.len() > 1 {
        book.answers.pop_front();
    }
    next.unwrap_or_else(|| Answer::status(200))
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}
