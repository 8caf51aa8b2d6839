/** Set by the build (`--use RELAXED=0|1`); the branch not taken disappears. */
declare const RELAXED: i32
