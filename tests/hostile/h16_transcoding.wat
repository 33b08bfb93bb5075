;; H16: has a string copied from UTF-8 to UTF-16, to a place at the very end of a memory, where it does not fit.
;;
;; ends: plugin/crashed
  (component $callee
    (core module $m
      (memory (export "memory") 1)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 65534))
      (func (export "take") (param i32 i32)))
    (core instance $i (instantiate $m))
    (func (export "take") (param "text" string) (canon lift (core func $i "take")
      string-encoding=utf16 (memory (core memory $i "memory")) (realloc (core func $i "realloc")))))
  (component $caller
    (import "take" (func $take (param "text" string)))
    (core module $memory (memory (export "memory") 1))
    (core instance $memory (instantiate $memory))
    (core func $lowered (canon lower (func $take) string-encoding=utf8 (memory (core memory $memory "memory"))))
    (core module $m
      (import "" "take" (func $take (param i32 i32)))
      (func $start (call $take (i32.const 0) (i32.const 65535)))
      (start $start))
    (core instance (instantiate $m (with "" (instance (export "take" (func $lowered)))))))
  (instance $called (instantiate $callee))
  (instance (instantiate $caller (with "take" (func $called "take"))))
  (core module $main
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
    (func (export "configure") (param i32 i32) (result i32) (i32.const 0))
    (func (export "get-many") (param i32 i32) (result i32) (i32.const 0)))
