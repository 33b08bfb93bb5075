;; H1: fills all of its memory for ever, in one instruction after the other that takes long.
;;
;; ends: plugin/limit
;; lifted: cpu
(core module $main
  (memory (export "memory") 900)
  (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "configure") (param i32 i32) (result i32) (i32.const 0))
  (func (export "get-many") (param i32 i32) (result i32)
    (loop $again
      (memory.fill (i32.const 65536) (i32.const 1) (i32.const 58000000))
      (memory.copy (i32.const 65536) (i32.const 65537) (i32.const 57999999))
      (br $again))
    (unreachable)))
