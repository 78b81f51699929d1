//! Functions of Rust as JavaScript sees them: a [`Call`] with its arguments, and tables of what a module exports.
//!
//! Not here: any function itself.

use std::rc::Rc;

use guestnet_core::Host;
use rquickjs::function::{IntoJsFunc, ParamRequirement, Params};
use rquickjs::module::{Declarations, Exports};
use rquickjs::object::Accessor;
use rquickjs::{Ctx, Exception, Function, IntoJs, Object, Result, Value};

use crate::argument::{int, string};
use crate::convert::negative;
use crate::state::{State, StateRef};
use crate::sys;
use crate::sys::heap::Text;

/// One call of a function of ours.
///
/// An argument that was not given is `undefined`, as for functions of JavaScript. Reading an argument may run code of
/// the guest (getters, `valueOf`), so nothing of [`State`] may be borrowed meanwhile.
pub(crate) struct Call<'a, 'js, H: Host + 'static> {
    params: Params<'a, 'js>,
    state: &'a StateRef<H>,
}

/// A function of ours. What it returns is its value; an error is thrown.
pub(crate) type NativeFn<H> = for<'a, 'js> fn(&Call<'a, 'js, H>) -> Result<Value<'js>>;

impl<'js, H: Host + 'static> Call<'_, 'js, H> {
    pub(crate) fn ctx(&self) -> &Ctx<'js> {
        self.params.ctx()
    }

    pub(crate) fn state(&self) -> &StateRef<H> {
        self.state
    }

    /// How many arguments were given.
    pub(crate) fn len(&self) -> usize {
        self.params.len()
    }

    /// An argument, `undefined` if it was not given.
    pub(crate) fn arg(&self, index: usize) -> Value<'js> {
        self.params
            .arg(index)
            .unwrap_or_else(|| Value::new_undefined(self.ctx().clone()))
    }

    /// Whether it was called with `new`.
    pub(crate) fn is_constructor(&self) -> bool {
        self.params.is_constructor()
    }

    /// What the function was called on.
    pub(crate) fn this(&self) -> Value<'js> {
        self.params.this()
    }

    /// A whole number in the range of an `int`.
    ///
    /// # Errors
    /// `TypeError` that names the argument.
    pub(crate) fn int(&self, index: usize, name: &str) -> Result<i32> {
        int(self.ctx(), &self.arg(index), name)
    }

    /// As [`Call::int`], or `default` if the argument is not given or undefined.
    ///
    /// # Errors
    /// `TypeError` that names the argument.
    pub(crate) fn int_or(&self, index: usize, name: &str, default: i32) -> Result<i32> {
        let value = self.arg(index);
        if value.is_undefined() {
            return Ok(default);
        }
        int(self.ctx(), &value, name)
    }

    /// 0 or a negative errno, as the function's result.
    pub(crate) fn status(&self, result: guestnet_core::Result<()>) -> Result<Value<'js>> {
        self.value(result.map_or_else(negative, |()| 0))
    }

    /// A number or a negative errno, as the function's result.
    pub(crate) fn number(&self, result: guestnet_core::Result<impl Into<f64>>) -> Result<Value<'js>> {
        let number = match result {
            Ok(number) => number.into(),
            Err(errno) => f64::from(negative(errno)),
        };
        Ok(Value::new_number(self.ctx().clone(), number))
    }

    /// A string, with lone surrogates replaced.
    ///
    /// # Errors
    /// `TypeError` that names the argument.
    pub(crate) fn string(&self, index: usize, name: &str) -> Result<Text> {
        string(self.ctx(), &self.arg(index), name)
    }

    /// Any value, as the function's result.
    pub(crate) fn value(&self, value: impl IntoJs<'js>) -> Result<Value<'js>> {
        value.into_js(self.ctx())
    }
}

/// Something that a module exports.
pub(crate) enum Member<H: Host + 'static> {
    /// A function with its `length`.
    Function(&'static str, usize, NativeFn<H>),
    /// A constant.
    Int(&'static str, i32),
    /// A value that is made when the module is evaluated, once a script.
    Value(
        &'static str,
        for<'js> fn(&Ctx<'js>, &StateRef<H>) -> Result<Value<'js>>,
    ),
}

impl<H: Host + 'static> Member<H> {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Member::Function(name, ..) | Member::Int(name, _) | Member::Value(name, _) => name,
        }
    }

    /// The value for a script.
    pub(crate) fn make<'js>(&self, ctx: &Ctx<'js>, state: &StateRef<H>) -> Result<Value<'js>> {
        match self {
            Member::Function(name, length, native) => {
                function(ctx, state, name, *length, *native)?.into_js(ctx)
            }
            Member::Int(_, value) => value.into_js(ctx),
            Member::Value(_, make) => make(ctx, state),
        }
    }
}

/// Declares the exports of a module.
pub(crate) fn declare<H: Host + 'static>(decl: &Declarations<'_>, members: &[Member<H>]) -> Result<()> {
    members
        .iter()
        .try_for_each(|member| decl.declare(member.name()).map(drop))
}

/// Fills the exports of a module.
pub(crate) fn export<'js, H: Host + 'static>(
    ctx: &Ctx<'js>,
    exports: &Exports<'js>,
    members: &[Member<H>],
) -> Result<()> {
    let state = State::of(ctx)?;
    for member in members {
        exports.export(member.name(), member.make(ctx, &state)?)?;
    }
    Ok(())
}

/// A function object.
pub(crate) fn function<'js, H: Host + 'static>(
    ctx: &Ctx<'js>,
    state: &StateRef<H>,
    name: &str,
    length: usize,
    native: NativeFn<H>,
) -> Result<Function<'js>> {
    let native = Native {
        state: Rc::clone(state),
        native,
    };
    Function::new(ctx.clone(), native)?
        .with_name(name)?
        .with_length(length)
}

/// Adds a property that functions stand for.
pub(crate) fn accessor<H: Host + 'static>(
    object: &Object<'_>,
    state: &StateRef<H>,
    name: &str,
    getter: NativeFn<H>,
    setter: NativeFn<H>,
) -> Result<()> {
    let native = |native| Native {
        state: Rc::clone(state),
        native,
    };
    object.prop(name, Accessor::new(native(getter), native(setter)).configurable())
}

struct Native<H: Host + 'static> {
    state: StateRef<H>,
    native: NativeFn<H>,
}

/// Marks our implementation of [`IntoJsFunc`], so that it is not one of those for closures.
struct NativeMarker;

impl<'js, H: Host + 'static> IntoJsFunc<'js, NativeMarker> for Native<H> {
    fn param_requirements() -> ParamRequirement {
        ParamRequirement::any()
    }

    fn call<'a>(&self, params: Params<'a, 'js>) -> Result<Value<'js>> {
        // The engine makes a rejection of what a promise's executor throws, even of what nothing may catch: the script
        // goes on, but none of its calls does anything.
        if self.state.is_unwinding() {
            return Err(ending(params.ctx()));
        }
        (self.native)(&Call {
            params,
            state: &self.state,
        })
    }
}

/// The error that ends a script: no code of the guest can catch it.
pub(crate) fn ending(ctx: &Ctx<'_>) -> rquickjs::Error {
    match Exception::from_message(ctx.clone(), "the script ends") {
        Ok(error) => sys::throw_uncatchable(ctx, error.into_value()),
        Err(error) => error,
    }
}
