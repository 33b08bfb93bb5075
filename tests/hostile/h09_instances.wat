;; H9: is made of ten thousand instances.
;;
;; ends: plugin/invalid
(core module $main
  (memory (export "memory") 1)
  (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "configure") (param i32 i32) (result i32) (i32.const 0))
  (func (export "get-many") (param i32 i32) (result i32) (i32.const 0)))
(core module $empty)
;; repeat 10000: (core instance (instantiate $empty))
