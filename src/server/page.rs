//! `GET /`, the page, and `GET /forecast`, what it asks: both read only.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use crate::document::{Document, Origin, PageDocument, WhatIfDocument, html};
use crate::inventory::{Change, Operation};
use crate::policy::{Part, Request, Violation, decide, foresee};

use super::State;
use super::health::unread;

/// The longest query that is read, in bytes.
const MAX_QUERY: usize = 256;
/// What a ServiceCIDR that nobody makes is called: no name that one can have.
const NAME: &str = "(what if)";

/// The page, with what is known now.
pub(super) async fn page(state: web::Data<State>) -> HttpResponse {
    if let Some(answer) = unread(&state) {
        return answer;
    }
    let policy = state.policy.load();
    let made = state.reports.page(&state.knowledge, &policy, |page| html(page, Origin::Server));
    match made {
        Ok((page, policy)) => HttpResponse::Ok()
            .content_type("text/html; charset=utf-8")
            .insert_header((header::CONTENT_SECURITY_POLICY, format!("{policy}; frame-ancestors 'none'")))
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .insert_header((header::REFERRER_POLICY, "no-referrer"))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .body(page),
        Err(error) => HttpResponse::InternalServerError().body(format!("page: {error}\n")),
    }
}

/// What the page shows, as JSON.
pub(super) fn page_document(state: &State) -> HttpResponse {
    let policy = state.policy.load();
    let made = state.reports.page(&state.knowledge, &policy, |page: &PageDocument| {
        serde_json::to_vec(&Document::new("CapacityPage", page))
    });
    match made {
        Ok(json) => HttpResponse::Ok().content_type("application/json").body(json),
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
    let policy = state.policy.load();
    let request = Request { change, part: Part::Object, requester: String::new(), dry_run: true };
    let document = state.knowledge.ask(|known| {
        let verdict = decide(&policy, known, &request);
        let outlook = foresee(&policy, known, &request, &verdict);
        WhatIfDocument::new(add, &verdict, outlook.as_ref())
    });
    HttpResponse::Ok().json(Document::new("WhatIf", document))
}

/// The CIDRs of the query.
fn asked(query: &str) -> Result<Vec<String>, &'static str> {
    let wanted = "write it as /forecast?add=CIDR or add=CIDR,CIDR";
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
