//! [`Intrinsics`]: functions of the engine as they were before the script could change a prototype.

use rquickjs::function::This;
use rquickjs::{Ctx, Function, JsLifetime, Object, Result, Value};

use super::inspect;

/// Functions of the engine, as they were before the script could change them.
pub(crate) struct Intrinsics<'js> {
    pub(crate) map: Collection<'js>,
    pub(crate) set: Collection<'js>,
    pub(crate) to_iso_string: Function<'js>,
    pub(crate) stack: Function<'js>,
    pub(crate) source: Function<'js>,
    pub(crate) array_length: Function<'js>,
    /// Each flag's letter and its getter, in the order in which they are printed.
    pub(crate) flags: Vec<(String, Function<'js>)>,
}

/// How to go through a `Map` or a `Set`.
pub(crate) struct Collection<'js> {
    pub(crate) entries: Function<'js>,
    pub(crate) next: Function<'js>,
    pub(crate) size: Function<'js>,
}

impl<'js> Intrinsics<'js> {
    /// Looks them up, before the script begins.
    ///
    /// # Errors
    /// No memory.
    pub(crate) fn keep(ctx: &Ctx<'js>) -> Result<Self> {
        const FIND: &str = "(() => {
            const getter = (type, name) => Object.getOwnPropertyDescriptor(type.prototype, name).get;
            const collection = type => ({
                entries: type.prototype.entries,
                next: Object.getPrototypeOf(new type().entries()).next,
                size: getter(type, 'size'),
            });
            const flags = [['g', 'global'], ['i', 'ignoreCase'], ['m', 'multiline'], ['s', 'dotAll'],
                ['u', 'unicode'], ['y', 'sticky'], ['d', 'hasIndices'], ['v', 'unicodeSets']];
            return {
                map: collection(Map),
                set: collection(Set),
                stack: getter(Error, 'stack'),
                arrayLength: getter(Object.getPrototypeOf(Uint8Array), 'length'),
                toISOString: Date.prototype.toISOString,
                source: getter(RegExp, 'source'),
                flags: flags.map(([letter, name]) => [letter, getter(RegExp, name)]),
            };
        })()";
        let found: Object<'js> = ctx.eval(FIND)?;
        let collection = |name: &str| {
            let found: Object<'js> = found.get(name)?;
            Ok::<_, rquickjs::Error>(Collection {
                entries: found.get("entries")?,
                next: found.get("next")?,
                size: found.get("size")?,
            })
        };
        let mut flags = Vec::new();
        for pair in found.get::<_, Vec<rquickjs::Array<'js>>>("flags")? {
            flags.push((pair.get(0)?, pair.get(1)?));
        }
        Ok(Intrinsics {
            map: collection("map")?,
            set: collection("set")?,
            stack: found.get("stack")?,
            to_iso_string: found.get("toISOString")?,
            source: found.get("source")?,
            array_length: found.get("arrayLength")?,
            flags,
        })
    }

    /// What a `Map` or `Set` holds, keys and values, without running code of the guest.
    ///
    /// # Errors
    /// No memory.
    pub(crate) fn items(ctx: &Ctx<'js>, collection: &Object<'js>) -> Result<Vec<Value<'js>>> {
        let intrinsics = ctx.userdata::<Intrinsics<'js>>();
        let Some(intrinsics) = intrinsics.as_deref() else {
            return Err(rquickjs::Error::Unknown);
        };
        let functions = if inspect::is_map(collection) {
            &intrinsics.map
        } else {
            &intrinsics.set
        };
        let entries: Object<'js> = functions.entries.call((This(collection.clone()),))?;
        let mut items = Vec::new();
        loop {
            let step: Object<'js> = functions.next.call((This(entries.clone()),))?;
            let Some(pair) = inspect::own_data(ctx, &step, "value")?.and_then(Value::into_array) else {
                return Ok(items);
            };
            items.extend([pair.get(0)?, pair.get(1)?]);
        }
    }
}

// SAFETY: the lifetime is the values' own, and `Changed` is the same type with another one.
unsafe impl<'js> JsLifetime<'js> for Intrinsics<'js> {
    type Changed<'to> = Intrinsics<'to>;
}
