;; H10: answers with a list of a GiB, somewhere outside of its memory.
;;
;; ends: plugin/crashed
(core module $main
  (memory (export "memory") 1)
  (data (i32.const 16) "\00\00\00\00\00\10\00\00\00\00\00\40")
  (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "configure") (param i32 i32) (result i32) (i32.const 0))
  (func (export "get-many") (param i32 i32) (result i32) (i32.const 16)))
