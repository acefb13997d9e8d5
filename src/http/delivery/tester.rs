//! Answers as testers wish them by switches in the query (`license::tester`): on a development server
//! only. Elsewhere a switch is refused, so that nobody believes that it worked.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;

use super::Refuse;
use super::call::Call;
use super::refused::Refused;
use crate::http::cors;
use crate::license::System;
use crate::license::tester::{self, WishError, Wishes};
use crate::service::delivery::Delivery;

/// What `answer` says, or what is wished instead.
pub(super) async fn answered<F: Future<Output = Response>>(
    delivery: Arc<Delivery>,
    call: Call,
    (system, refuse): (System, Refuse),
    answer: impl FnOnce(Arc<Delivery>, Call) -> F,
) -> Response {
    let wishes = match wishes(&delivery, &call, system) {
        Ok(wishes) if wishes == Wishes::default() => return answer(delivery, call).await,
        Ok(wishes) => wishes,
        Err(error) => return refuse(error.into()),
    };
    tokio::time::sleep(wishes.delay).await;
    let status = wishes.status.and_then(|status| StatusCode::from_u16(status).ok());
    let mut response = match status {
        Some(status) => refuse(Refused::Wanted(status)),
        None => answer(Arc::new(delivery.as_wished(wishes)), call).await,
    };
    if wishes.hidden {
        response.extensions_mut().insert(cors::Hidden);
    }
    response
}

fn wishes(delivery: &Delivery, call: &Call, system: System) -> Result<Wishes, WishError> {
    if delivery.is_for_testers() {
        return Wishes::read(call.query(), system);
    }
    tester::none(call.query()).map(|()| Wishes::default())
}
