//! What a call of the operators' API takes and gives, read off its handler's own arguments: the description cannot ask
//! for anything else than the handler reads.

use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::Value;

use super::caller::Caller;
use super::reveal::View;
use crate::http::problem::{Json, Path, Query};

/// Makes the schema of a type.
pub(super) type Schema = fn(&mut SchemaGenerator) -> Value;

/// What a handler takes beside what is in its path.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Taken {
    /// Members of its query.
    pub(super) query: Option<Schema>,
    /// Its body.
    pub(super) body: Option<Schema>,
}

/// The schema of `T`.
pub(super) fn schema<T: JsonSchema>(schemas: &mut SchemaGenerator) -> Value {
    schemas.subschema_for::<T>().to_value()
}

/// Arguments of a handler, as axum tells them apart.
pub(super) trait Takes {
    fn taken() -> Taken;
}

/// One argument.
pub(super) trait Argument {
    fn take(_: &mut Taken) {}
}

impl<S> Argument for State<S> {}
impl<T> Argument for Extension<T> {}
impl<T> Argument for Path<T> {}
impl Argument for Caller {}
impl Argument for HeaderMap {}
impl Argument for View {}

impl<T: JsonSchema> Argument for Query<T> {
    fn take(taken: &mut Taken) {
        taken.query = Some(schema::<T>);
    }
}

impl<T: JsonSchema> Argument for Json<T> {
    fn take(taken: &mut Taken) {
        taken.body = Some(schema::<T>);
    }
}

impl Takes for ((),) {
    fn taken() -> Taken {
        Taken::default()
    }
}

/// The first of each list is axum's own mark.
macro_rules! takes {
    ($($argument:ident),+) => {
        impl<M, $($argument: Argument),+> Takes for (M, $($argument),+) {
            fn taken() -> Taken {
                let mut taken = Taken::default();
                $($argument::take(&mut taken);)+
                taken
            }
        }
    };
}

takes!(A);
takes!(A, B);
takes!(A, B, C);
takes!(A, B, C, D);
takes!(A, B, C, D, E);
