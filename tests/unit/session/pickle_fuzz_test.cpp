// Mutations of real pickles, and noise: the reader and the conversion end, in bounds, every time.
// TRIREME_PICKLE_INPUTS sets how many; TRIREME_PICKLE_SEED which.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "session/pickle_reader.hpp"
#include "session/python_call.hpp"
#include "session/python_value.hpp"
#include "tests/unit/session/captured_pickles.hpp"

namespace trireme {
namespace {

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

class Mutator {
 public:
  explicit Mutator(std::uint64_t seed) : random_(seed) {}

  std::string next(const std::vector<std::string>& originals) {
    if (draw(20) == 0) return noise(draw(64));
    std::string bytes = originals[draw(originals.size())];
    for (std::size_t edits = 1 + draw(6); edits > 0; --edits) edit(bytes, originals);
    return bytes;
  }
  std::size_t draw(std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random_);
  }

 private:
  std::string noise(std::size_t size) {
    std::string bytes;
    while (bytes.size() < size) bytes += operation();
    return bytes;
  }
  char operation() {
    static constexpr std::string_view kOps =
        "(.012JKMNRXabcdehjlqrstu}])GBC\x80\x81\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f\x90"
        "\x91\x92\x93\x94\x95\x96\x97PQi";
    return draw(3) == 0 ? static_cast<char>(draw(256)) : kOps[draw(kOps.size())];
  }
  void edit(std::string& bytes, const std::vector<std::string>& originals) {
    const std::size_t at = draw(bytes.size() + 1);
    switch (draw(6)) {
      case 0:
        if (at < bytes.size()) bytes[at] = operation();
        break;
      case 1:
        if (at < bytes.size()) bytes[at] = static_cast<char>(bytes[at] ^ (1 << draw(8)));
        break;
      case 2:
        bytes.insert(at, 1 + draw(4), operation());
        break;
      case 3:
        bytes.erase(at, 1 + draw(8));
        break;
      case 4: {
        const std::string& other = originals[draw(originals.size())];
        bytes.insert(at, other, draw(other.size() + 1), 1 + draw(40));
        break;
      }
      default:
        bytes.insert(at, bytes, draw(bytes.size() + 1), 1 + draw(40));
        break;
    }
  }

  std::mt19937_64 random_;
};

TEST(PickleFuzz, HostileInputNeitherCrashesNorHangsNorGrows) {
  const std::uint64_t seed = setting("TRIREME_PICKLE_SEED", 20260101);
  const std::uint64_t inputs = setting("TRIREME_PICKLE_INPUTS", 20'000);
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::vector<std::string> originals;
  for (CapturedPickle& one : captured_pickles()) originals.push_back(std::move(one.bytes));
  ASSERT_FALSE(originals.empty());
  Mutator mutator(seed);
  std::uint64_t read = 0;
  std::uint64_t converted = 0;
  for (std::uint64_t i = 0; i < inputs; ++i) {
    const Frame frame(mutator.next(originals));
    Result<Pickle> pickle = read_pickle(frame);
    if (!pickle) {
      ASSERT_FALSE(pickle.error().text.empty());
      continue;
    }
    ++read;
    ASSERT_LE(pickle->node_count(), 2 * frame.size() + 2);
    const Frames frames{frame, frame, Frame(std::string(16, '\1')), frame};
    std::size_t next = 0;
    const Result<PythonObject> object = PythonObject::take(frames, next);
    if (object && object->to_value(nullptr)) ++converted;
    const Result<PythonCall> call = read_python_call(frames);
    if (call) {
      ASSERT_LE(call->args.size(), frames.size());
    }
  }
  // The mutations are mild enough that both sides of every check are visited.
  EXPECT_GT(read, inputs / 100);
  EXPECT_GT(converted, inputs / 1'000);
}

}  // namespace
}  // namespace trireme
