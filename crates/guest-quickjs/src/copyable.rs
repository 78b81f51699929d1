//! Whether a value can be copied to another thread, looked at before the engine copies it and without running code of the
//! guest.
//!
//! The engine's writer reads the elements of arrays as a script does, so that getters, prototypes and proxies run, while
//! it goes through objects and maps by pointers and remembers shared buffers that nothing else may hold. Code of the guest
//! that changes or drops them meanwhile would make it use memory that is free. So a value that it writes runs no code.
//!
//! A writer that fails does not free its list of shared buffers, which then stays in the engine's heap until the engine ends. So
//! what it would refuse is refused here, and their number is limited; what is left to fail is memory and stack.

use std::collections::HashSet;

use rquickjs::{Ctx, Exception, Object, Result, Value};

use crate::budget::Charge;
use crate::sys::heap::{Memory, NoMemory};
use crate::sys::inspect::{self, Property};
use crate::sys::intrinsics::Intrinsics;
use crate::sys::memory;

/// How long all arrays with holes of one value may be together. Each of them is looked for, and written, and costs the
/// guest nothing.
const MAX_HOLES: u32 = 1 << 20;

/// What an object counts for while its value is looked at, in bytes.
const OBJECT: usize = 96;

/// How many shared buffers one value may hold.
const MAX_SHARED: usize = 256;

/// Classes of which the engine writes the primitive or the bytes in them. Others that can be copied have a method below.
const SIMPLE: [&str; 7] = [
    "Date",
    "Number",
    "String",
    "Boolean",
    "BigInt",
    "RegExp",
    "SharedArrayBuffer",
];

/// Looks at a value and all that is in it.
///
/// # Errors
/// `TypeError` for what cannot be copied; no memory.
pub(crate) fn check<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> Result<()> {
    let memory = Memory::of(ctx)?;
    let charge = memory.budget().charge(0).ok_or_else(|| NoMemory.throw(ctx))?;
    let mut walk = Walk {
        ctx,
        charge,
        seen: HashSet::new(),
        waiting: Vec::new(),
        twice: false,
        regexp: false,
        shared: 0,
        holes: 0,
    };
    walk.wait(value.clone())?;
    while let Some(value) = walk.waiting.pop() {
        walk.look(&value)?;
    }
    if walk.twice && walk.regexp {
        // The engine's reader does not count it, and takes another object for the one that comes again.
        return Err(walk.refuse("a RegExp cannot be copied with an object that is there twice"));
    }
    if walk.shared > MAX_SHARED {
        return Err(walk.refuse("too many shared buffers for one message"));
    }
    Ok(())
}

struct Walk<'a, 'js> {
    ctx: &'a Ctx<'js>,
    charge: Charge,
    /// Where the objects are that were met. They stay alive, as the value holds them.
    seen: HashSet<usize>,
    waiting: Vec<Value<'js>>,
    twice: bool,
    regexp: bool,
    shared: usize,
    /// The elements of the arrays with holes so far.
    holes: u32,
}

impl<'js> Walk<'_, 'js> {
    /// Has an object looked at later, once.
    fn wait(&mut self, value: Value<'js>) -> Result<()> {
        let Some(object) = value.as_object() else {
            return Ok(());
        };
        if !self.seen.insert(inspect::address(object)) {
            self.twice = true;
            return Ok(());
        }
        if !self.charge.cover(self.seen.len().saturating_mul(OBJECT)) {
            return Err(NoMemory.throw(self.ctx));
        }
        self.waiting.push(value);
        Ok(())
    }

    fn look(&mut self, value: &Value<'js>) -> Result<()> {
        let Some(object) = value.as_object() else {
            return Ok(());
        };
        if value.is_proxy() {
            return Err(self.refuse("a Proxy cannot be copied"));
        }
        if value.is_array() {
            return self.array(object);
        }
        if inspect::is_map(object) || inspect::is_set(object) {
            let items = Intrinsics::items(self.ctx, object)?;
            return items.into_iter().try_for_each(|item| self.wait(item));
        }
        if inspect::is_typed_array(object) {
            return self.typed_array(value);
        }
        match inspect::class_name(object)?.as_str() {
            "Object" => self.object(object),
            "ArrayBuffer" if memory::len(self.ctx, value).is_none() => {
                Err(self.refuse("the ArrayBuffer is detached"))
            }
            "ArrayBuffer" => Ok(()),
            class if SIMPLE.contains(&class) => {
                self.regexp |= class == "RegExp";
                self.shared += usize::from(class == "SharedArrayBuffer");
                Ok(())
            }
            _ => Err(self.refuse("unsupported object class")),
        }
    }

    /// Elements must be values of its own. A hole is one of its prototypes' to fill, which must not.
    fn array(&mut self, array: &Object<'js>) -> Result<()> {
        let length = inspect::array_length(array)?;
        let mut holes = false;
        for index in 0..length {
            match inspect::own_element(array, index)? {
                Some(Property::Data(value)) => self.wait(value)?,
                Some(Property::Accessor { .. }) => {
                    return Err(self.refuse("an array with a getter or setter cannot be copied"));
                }
                None if holes => {}
                None => {
                    holes = true;
                    self.holes = self.holes.saturating_add(length);
                    if self.holes > MAX_HOLES {
                        return Err(self.refuse("arrays with holes are too long to be copied"));
                    }
                    self.prototypes(array)?;
                }
            }
        }
        Ok(())
    }

    fn prototypes(&self, array: &Object<'js>) -> Result<()> {
        let mut next = array.get_prototype();
        while let Some(prototype) = next {
            let value = prototype.as_value();
            let plain = !value.is_proxy()
                && (value.is_array() || inspect::class_name(&prototype)? == "Object")
                && !inspect::has_index(&prototype)?;
            if !plain {
                return Err(self.refuse("an array with holes that a prototype fills cannot be copied"));
            }
            next = prototype.get_prototype();
        }
        Ok(())
    }

    /// Only values are written of it. Those of private names cannot be.
    fn object(&mut self, object: &Object<'js>) -> Result<()> {
        if inspect::has_private(object)? {
            return Err(self.refuse("an object with private fields cannot be copied"));
        }
        for key in inspect::own_keys(object)? {
            match inspect::own_property(self.ctx, object, &key)? {
                Some(Property::Data(value)) => self.wait(value)?,
                Some(Property::Accessor { .. }) => {
                    return Err(self.refuse("only value properties are supported"));
                }
                None => {}
            }
        }
        Ok(())
    }

    /// Its buffer is copied too. What lies outside of it could not be read.
    fn typed_array(&mut self, array: &Value<'js>) -> Result<()> {
        let Some(array) = memory::typed_array(self.ctx, array) else {
            return Err(self.refuse("the ArrayBuffer is detached"));
        };
        self.wait(array.buffer)
    }

    fn refuse(&self, text: &str) -> rquickjs::Error {
        Exception::throw_type(self.ctx, text)
    }
}
