;; What makes a plugin of a core module: the types of the interface, and the two functions lifted. `MODULE` is the
;; place of the module, which is called `$main`, and exports `memory`, `realloc`, `configure` and `get-many`.
(component
  (import "ptrun:plugin/types@0.1.0" (instance $types
    (type $option (tuple string string))
    (type $options (list $option))
    (type $ref (record (field "key" string) (field "options" $options)))
    (export "secret-ref" (type (eq $ref)))
    (type $bytes (list u8))
    (type $text (option string))
    (type $time (option u64))
    (type $value (record
      (field "value" $bytes) (field "version" $text) (field "expires-at-ms" $time) (field "lease-id" $text)))
    (export "secret" (type (eq $value)))
    (type $wait (option u32))
    (type $why (variant
      (case "not-found") (case "denied" string) (case "unauthenticated" string) (case "invalid-ref" string)
      (case "invalid-config" string) (case "throttled" $wait) (case "unavailable" string) (case "unsupported")
      (case "internal" string)))
    (export "error" (type (eq $why)))))
  (alias export $types "secret-ref" (type $ref))
  (alias export $types "secret" (type $secret))
  (alias export $types "error" (type $error))

  MODULE

  (core instance $main (instantiate $main))
  (type $setting (tuple string string))
  (type $settings (list $setting))
  (type $configured (result (error $error)))
  (type $configure (func (param "config" $settings) (result $configured)))
  (func $configure (type $configure) (canon lift
    (core func $main "configure") (memory (core memory $main "memory")) (realloc (core func $main "realloc"))))
  (type $refs (list $ref))
  (type $answer (result $secret (error $error)))
  (type $answers (list $answer))
  (type $all (result $answers (error $error)))
  (type $get-many (func (param "refs" $refs) (result $all)))
  (func $get-many (type $get-many) (canon lift
    (core func $main "get-many") (memory (core memory $main "memory")) (realloc (core func $main "realloc"))))
  (instance $source (export "configure" (func $configure)) (export "get-many" (func $get-many)))
  (export "ptrun:plugin/secret-source@0.1.0" (instance $source)))
