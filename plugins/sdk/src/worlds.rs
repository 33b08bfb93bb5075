//! The guest's half of the WIT interfaces, for [`export!`](crate::export!) and for what this crate does not wrap.

/// The bindings of a world, in a module of its own.
macro_rules! world {
    ($module:ident, $world:literal, $export:literal, $path:literal $(, $with:tt)?) => {
        #[allow(
            missing_docs,
            unreachable_pub,
            clippy::allow_attributes_without_reason,
            clippy::use_self,
            reason = "generated from wit/, where every item is documented"
        )]
        pub mod $module {
            wit_bindgen::generate!({
                path: "../../wit",
                world: $world,
                pub_export_macro: true,
                export_macro_name: $export,
                default_bindings_module: $path,
                $(with: $with,)?
            });
        }
    };
}

world!(source, "source", "export_source", "ptrun_plugin::bindings");
// What a plugin may export besides, with the same types.
world!(
    listing,
    "listing",
    "export_listing",
    "ptrun_plugin::listing",
    { "ptrun:plugin/types@0.1.0": crate::bindings::ptrun::plugin::types }
);
world!(
    writing,
    "writing",
    "export_writing",
    "ptrun_plugin::writing",
    { "ptrun:plugin/types@0.1.0": crate::bindings::ptrun::plugin::types }
);
