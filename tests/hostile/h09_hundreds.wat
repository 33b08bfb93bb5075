;; H9: is made of five hundred instances.
;;
;; ends: plugin/limit
;; lifted: instances
(core module $main
  (memory (export "memory") 1)
  (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "configure") (param i32 i32) (result i32) (i32.const 0))
  (func (export "get-many") (param i32 i32) (result i32) (i32.const 0)))
(core module $empty)
;; repeat 500: (core instance (instantiate $empty))
