trireme_alone(value_traits_test.cpp)
trireme_test(value_tests
  SOURCES value_test.cpp value_traits_test.cpp value_codec_test.cpp
  USES trireme_session
  TOGETHER)
