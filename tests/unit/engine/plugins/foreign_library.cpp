// A shared library that is no plug-in.
extern "C" int foreign_function() { return 1; }
