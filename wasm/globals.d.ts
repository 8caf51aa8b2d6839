/** Set by the build (`--use RELAXED=0|1`); the branch not taken disappears. */
declare const RELAXED: i32
/** The element type of the module, set by the build (`--use Real=f32|f64`). */
declare type Real = f32
