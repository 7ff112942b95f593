//! `GET /`, the page, and `GET /preview`, what it asks: both read only.
//!
//! The kubelet and Prometheus ask on the same port. So a page is made at most once a second for all who ask, and so many
//! forecasts a second are answered that the others never wait for them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use crate::api::{Document, WhatIfDocument};
use crate::capacity::{CapacityReport, Survey};
use crate::inventory::{Change, Operation};
use crate::page::{Origin, PageDocument, html};
use crate::policy::{Part, Policy, Request, Violation, decide, foresee};

use super::State;
use super::health::unread;
use super::knowledge::Knowledge;
use super::report::SHARED_FOR;

/// The longest query that is read, in bytes.
const MAX_QUERY: usize = 256;
/// How many forecasts are answered in a second.
const FORECASTS: u32 = 50;
/// What a ServiceCIDR that nobody makes is called: no name that one can have.
const NAME: &str = "(what if)";

/// The page, and the turns of its forecasts.
#[derive(Default)]
pub(super) struct Page {
    last: Mutex<Option<Arc<Made>>>,
    forecasts: Turns,
}

/// A page as it was made, for a policy.
struct Made {
    at: Instant,
    policy: Arc<Policy>,
    html: Bytes,
    /// Its Content-Security-Policy.
    security: String,
    /// What it shows, for programs.
    json: Bytes,
}

/// How many forecasts were answered in this second.
#[derive(Default)]
struct Turns(Mutex<Option<(Instant, u32)>>);

impl Page {
    /// The page of what is known now, or was within the last second.
    fn get(&self, knowledge: &Knowledge, policy: &Arc<Policy>) -> serde_json::Result<Arc<Made>> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |page: &&Arc<Made>| page.at.elapsed() < SHARED_FOR && Arc::ptr_eq(&page.policy, policy);
        if let Some(page) = last.as_ref().filter(fresh) {
            return Ok(Arc::clone(page));
        }
        let document = knowledge.ask(|known| {
            let report = CapacityReport::of(known.inventory);
            PageDocument::new(known.inventory, Some(policy), &report, &Survey::of(known.inventory))
        });
        let (html, security) = html(&document, Origin::Server)?;
        let json = serde_json::to_vec(&Document::new("CapacityPage", document))?.into();
        let page = Arc::new(Made { at: Instant::now(), policy: Arc::clone(policy), html: html.into(), security, json });
        *last = Some(Arc::clone(&page));
        Ok(page)
    }
}

impl Turns {
    /// Whether there is a turn left in this second.
    fn take(&self, now: Instant) -> bool {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, taken) = match *turns {
            Some((since, taken)) if now.duration_since(since) < Duration::from_secs(1) => (since, taken),
            _ => (now, 0),
        };
        *turns = Some((since, taken.saturating_add(1)));
        taken < FORECASTS
    }
}

/// The page, with what is known now.
pub(super) async fn page(state: web::Data<State>) -> HttpResponse {
    if let Some(answer) = unread(&state) {
        return answer;
    }
    match state.page.get(&state.knowledge, &state.policy.load()) {
        Ok(page) => HttpResponse::Ok()
            .content_type("text/html; charset=utf-8")
            .insert_header((header::CONTENT_SECURITY_POLICY, format!("{}; frame-ancestors 'none'", page.security)))
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .insert_header((header::REFERRER_POLICY, "no-referrer"))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .body(page.html.clone()),
        Err(error) => HttpResponse::InternalServerError().body(format!("page: {error}\n")),
    }
}

/// What the page shows, as JSON.
pub(super) fn page_document(state: &State) -> HttpResponse {
    match state.page.get(&state.knowledge, &state.policy.load()) {
        Ok(page) => HttpResponse::Ok().content_type("application/json").body(page.json.clone()),
        Err(error) => HttpResponse::InternalServerError().body(format!("page: {error}\n")),
    }
}

/// What making a ServiceCIDR with the CIDRs of `?add=CIDR[,CIDR]` would do. Nothing is made, counted or logged.
pub(super) async fn forecast(state: web::Data<State>, request: HttpRequest) -> HttpResponse {
    if let Some(answer) = unread(&state) {
        return answer;
    }
    let add = match asked(request.query_string()) {
        Ok(add) => add,
        Err(problem) => return refused(problem),
    };
    let change = Change::between(Operation::Create, NAME, &[], &add);
    if let Some(fault) = change.faults.first() {
        return refused(&Violation::Invalid(fault.clone()).to_string());
    }
    if !state.page.forecasts.take(Instant::now()) {
        return HttpResponse::TooManyRequests()
            .insert_header((header::RETRY_AFTER, "1"))
            .json(json!({"message": format!("more than {FORECASTS} previews in a second: retry later")}));
    }
    let policy = state.policy.load();
    let request = Request { change, part: Part::Object, requester: String::new(), dry_run: true };
    let document = state.knowledge.ask(|known| {
        let verdict = decide(&policy, known, &request);
        let outlook = foresee(&policy, known, &request, &verdict);
        WhatIfDocument::new(add, &verdict, outlook.as_ref())
    });
    HttpResponse::Ok().json(Document::new("ChangePreview", document))
}

/// The CIDRs of the query.
fn asked(query: &str) -> Result<Vec<String>, &'static str> {
    let wanted = "write it as /preview?add=CIDR or add=CIDR,CIDR";
    if query.len() > MAX_QUERY {
        return Err(wanted);
    }
    let query: web::Query<Vec<(String, String)>> = web::Query::from_query(query).map_err(|_| wanted)?;
    match &query.0[..] {
        [(key, cidrs)] if key == "add" && !cidrs.is_empty() => Ok(cidrs.split(',').map(str::to_owned).collect()),
        _ => Err(wanted),
    }
}

fn refused(message: &str) -> HttpResponse {
    HttpResponse::BadRequest().json(json!({"message": message}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_so_many_turns_and_the_next_has_them_again() {
        let (turns, begin) = (Turns::default(), Instant::now());
        let taken = (0..FORECASTS * 3).filter(|_| turns.take(begin)).count();
        assert_eq!(taken, usize::try_from(FORECASTS).unwrap());
        assert!(!turns.take(begin + Duration::from_millis(999)));
        assert!(turns.take(begin + Duration::from_secs(1)));
        assert!(!(0..FORECASTS).all(|_| turns.take(begin + Duration::from_millis(1500))));
    }
}
