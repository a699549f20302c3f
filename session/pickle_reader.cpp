// A stack machine whose every operation makes, joins or names nodes.
#include "session/pickle_reader.hpp"

#include <array>
#include <bit>
#include <cstring>
#include <optional>
#include <span>
#include <utility>

namespace trireme {
namespace {

using Kind = PickleNode::Kind;

/// The operations of a pickle by their bytes.
enum class Op : std::uint8_t {
  kMark = '(',
  kStop = '.',
  kPop = '0',
  kPopMark = '1',
  kDup = '2',
  kBinInt = 'J',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kNone = 'N',
  kReduce = 'R',
  kBinUnicode = 'X',
  kAppend = 'a',
  kBuild = 'b',
  kGlobal = 'c',
  kDict = 'd',
  kAppends = 'e',
  kBinGet = 'h',
  kLongBinGet = 'j',
  kList = 'l',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kSetItem = 's',
  kTuple = 't',
  kSetItems = 'u',
  kEmptyDict = '}',
  kEmptyList = ']',
  kEmptyTuple = ')',
  kBinFloat = 'G',
  kBinBytes = 'B',
  kShortBinBytes = 'C',
  kProto = 0x80,
  kNewObj = 0x81,
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kLong1 = 0x8a,
  kLong4 = 0x8b,
  kShortBinUnicode = 0x8c,
  kBinUnicode8 = 0x8d,
  kBinBytes8 = 0x8e,
  kEmptySet = 0x8f,
  kAddItems = 0x90,
  kFrozenSet = 0x91,
  kNewObjEx = 0x92,
  kStackGlobal = 0x93,
  kMemoize = 0x94,
  kFrame = 0x95,
  kByteArray8 = 0x96,
};

/// Operations that are refused by name, because somebody may meet them.
struct RefusedOp {
  char code;
  std::string_view name;
};
constexpr std::array kRefusedOps{
    RefusedOp{'P', "PERSID"},
    RefusedOp{'Q', "BINPERSID"},
    RefusedOp{'\x82', "EXT1"},
    RefusedOp{'\x83', "EXT2"},
    RefusedOp{'\x84', "EXT4"},
    RefusedOp{'\x97', "NEXT_BUFFER"},
    RefusedOp{'\x98', "READONLY_BUFFER"},
    RefusedOp{'i', "INST"},
    RefusedOp{'o', "OBJ"},
    RefusedOp{'I', "INT"},
    RefusedOp{'L', "LONG"},
    RefusedOp{'F', "FLOAT"},
    RefusedOp{'S', "STRING"},
    RefusedOp{'T', "BINSTRING"},
    RefusedOp{'U', "SHORT_BINSTRING"},
    RefusedOp{'V', "UNICODE"},
    RefusedOp{'g', "GET"},
    RefusedOp{'p', "PUT"},
};

std::string op_name(std::uint8_t code) {
  for (const RefusedOp& refused : kRefusedOps) {
    if (static_cast<std::uint8_t>(refused.code) == code) return std::string(refused.name);
  }
  return "0x" + std::string(1, "0123456789abcdef"[code >> 4]) +
         std::string(1, "0123456789abcdef"[code & 15]);
}

}  // namespace

/// Reads one pickle. Invariants: (1) every pointer on the stack and in the memo is a node of
/// pickle_; (2) marks_ is ascending and no mark lies above the top of the stack.
class PickleReader {
 public:
  explicit PickleReader(Frame frame)
      : pickle_(std::move(frame)), rest_(pickle_.frame().view()), bytes_(rest_.size()) {}

  Result<Pickle> read() {
    while (!stopped_ && !error_) step();
    if (error_) return std::move(*error_);
    return std::move(pickle_);
  }

 private:
  void fail(std::string what) { fail(ErrorCode::kBadFormat, std::move(what)); }
  void fail(ErrorCode code, std::string what) {
    if (!error_) {
      error_ = Error{code, "The pickle cannot be read at byte " + std::to_string(offset()) + ": " +
                               std::move(what) + "."};
    }
  }
  std::size_t offset() const noexcept { return bytes_ - rest_.size(); }

  // Bytes. After a failure they give nothing.
  std::string_view take(std::uint64_t count) {
    if (count > rest_.size()) {
      fail("it ends too early");
      return {};
    }
    const std::string_view taken = rest_.substr(0, static_cast<std::size_t>(count));
    rest_.remove_prefix(taken.size());
    return taken;
  }
  std::uint64_t take_number(std::size_t width) {
    const std::string_view digits = take(width);
    std::uint64_t number = 0;
    for (std::size_t i = digits.size(); i-- > 0;) {
      number = (number << 8) | static_cast<std::uint8_t>(digits[i]);
    }
    return number;
  }
  std::string_view take_line() {
    const std::size_t end = rest_.find('\n');
    if (end == std::string_view::npos) return take(rest_.size() + 1);
    const std::string_view line = take(end);
    take(1);
    return line;
  }

  // Nodes.
  PickleNode* make(Kind kind) {
    if (pickle_.nodes_.size() >= kPickleNodesMax) {
      fail(ErrorCode::kTooLarge,
           "it holds more than " + std::to_string(kPickleNodesMax) + " objects; send arrays");
    }
    PickleNode* node = &pickle_.nodes_.emplace_back();
    node->kind = kind;
    return node;
  }
  void push(PickleNode* node) { stack_.push_back(node); }
  void push_kind(Kind kind) { push(make(kind)); }
  void push_integer(Kind kind, std::int64_t integer) {
    PickleNode* node = make(kind);
    node->integer = integer;
    push(node);
  }
  void push_text(Kind kind, std::uint64_t size) {
    PickleNode* node = make(kind);
    node->text = take(size);
    push(node);
  }
  void push_long(std::uint64_t size) {
    std::string_view digits = take(size);
    if (digits.size() > sizeof(std::int64_t)) {
      PickleNode* node = make(Kind::kBigInt);
      node->text = digits;
      push(node);
      return;
    }
    std::uint64_t bits = 0;
    if (!digits.empty() && (digits.back() & 0x80) != 0) bits = ~std::uint64_t{0};
    for (std::size_t i = digits.size(); i-- > 0;) {
      bits = (bits << 8) | static_cast<std::uint8_t>(digits[i]);
    }
    push_integer(Kind::kInt, static_cast<std::int64_t>(bits));
  }

  // The stack. What lies below the last mark is out of reach.
  std::size_t floor() const noexcept { return marks_.empty() ? 0 : marks_.back(); }
  bool has(std::size_t count) {
    if (stack_.size() - floor() >= count) return true;
    fail("an operation lacks its operands");
    return false;
  }
  PickleNode* pop() {
    PickleNode* top = stack_.back();
    stack_.pop_back();
    return top;
  }
  /// What lies above the last mark, which is removed. The span is valid until something is pushed.
  std::span<PickleNode* const> pop_to_mark() {
    if (marks_.empty()) {
      fail("an operation lacks its mark");
      return {};
    }
    const std::size_t begin = marks_.back();
    marks_.pop_back();
    popped_.assign(stack_.begin() + static_cast<std::ptrdiff_t>(begin), stack_.end());
    stack_.resize(begin);
    return popped_;
  }

  // Composites.
  void collect(Kind kind, std::size_t count) {
    if (!has(count)) return;
    PickleNode* node = make(kind);
    node->items.assign(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    push(node);
  }
  void collect_to_mark(Kind kind) {
    const auto items = pop_to_mark();
    PickleNode* node = make(kind);
    node->items.assign(items.begin(), items.end());
    if (kind == Kind::kDict && items.size() % 2 != 0) fail("a key of a dict lacks its value");
    push(node);
  }
  /// The container that receives entries: the node itself, or a part of an object.
  PickleNode* receiver(Kind wanted) {
    if (!has(1)) return nullptr;
    PickleNode* node = stack_.back();
    if (node->kind == wanted) return node;
    if (node->kind == Kind::kObject && wanted != Kind::kSet) {
      PickleNode*& part =
          node->items[wanted == Kind::kDict ? PickleNode::kKeys : PickleNode::kEntries];
      if (part == nullptr) part = make(wanted);
      return part;
    }
    fail("entries are added to something that takes none");
    return nullptr;
  }
  void extend(Kind wanted, std::span<PickleNode* const> items) {
    PickleNode* node = receiver(wanted);
    if (node == nullptr) return;
    if (wanted == Kind::kDict && items.size() % 2 != 0) {
      return fail("a key of a dict lacks its value");
    }
    node->items.insert(node->items.end(), items.begin(), items.end());
  }
  void add_last(Kind wanted, std::size_t count) {
    if (!has(count + 1)) return;
    popped_.assign(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    extend(wanted, popped_);
  }

  // Globals and objects.
  void push_global(PickleNode* module, PickleNode* name) {
    PickleNode* node = make(Kind::kGlobal);
    node->items = {module, name};
    push(node);
  }
  void global() {
    PickleNode* module = make(Kind::kString);
    module->text = take_line();
    PickleNode* name = make(Kind::kString);
    name->text = take_line();
    push_global(module, name);
  }
  void stack_global() {
    if (!has(2)) return;
    PickleNode* name = pop();
    PickleNode* module = pop();
    if (!name->is(Kind::kString) || !module->is(Kind::kString)) {
      return fail("the name of a global is no text");
    }
    push_global(module, name);
  }
  /// REDUCE, NEWOBJ and NEWOBJ_EX: remembered, never done. Keyword arguments become the keys.
  void object(bool has_keywords) {
    if (!has(has_keywords ? 3 : 2)) return;
    PickleNode* keywords = has_keywords ? pop() : nullptr;
    PickleNode* arguments = pop();
    PickleNode* callable = pop();
    if (!arguments->is(Kind::kTuple)) return fail("the arguments of an object are no tuple");
    if (!callable->is(Kind::kGlobal)) return fail("an object is made by something without a name");
    PickleNode* node = make(Kind::kObject);
    node->items.assign(PickleNode::kObjectParts, nullptr);
    node->items[PickleNode::kCallable] = callable;
    node->items[PickleNode::kArguments] = arguments;
    node->items[PickleNode::kState] = keywords;
    push(node);
  }
  void build() {
    if (!has(2)) return;
    PickleNode* state = pop();
    PickleNode* node = stack_.back();
    if (!node->is(Kind::kObject)) return fail("a state is given to something that has none");
    node->items[PickleNode::kState] = state;
  }

  // The memo. Picklers number what they remember, so no number exceeds the bytes that were read.
  void put(std::uint64_t index) {
    if (!has(1)) return;
    if (index > bytes_) return fail("a memo number is out of bounds");
    if (index >= memo_.size()) memo_.resize(static_cast<std::size_t>(index) + 1);
    PickleNode*& slot = memo_[static_cast<std::size_t>(index)];
    if (slot == nullptr) ++memo_count_;
    slot = stack_.back();
  }
  void get(std::uint64_t index) {
    PickleNode* node = index < memo_.size() ? memo_[static_cast<std::size_t>(index)] : nullptr;
    if (node == nullptr) return fail("it refers to something it did not remember");
    push(node);
  }

  void real() {
    PickleNode* node = make(Kind::kFloat);
    const std::string_view digits = take(sizeof(double));
    std::uint64_t bits = 0;
    for (const char digit : digits) bits = (bits << 8) | static_cast<std::uint8_t>(digit);
    node->real = std::bit_cast<double>(bits);
    push(node);
  }
  void protocol() {
    const std::uint64_t version = take_number(1);
    if (!error_ && (version < 2 || version > 5)) {
      fail("its protocol is " + std::to_string(version) + ", and only 2 to 5 are understood");
    }
  }
  void stop() {
    if (!has(1)) return;
    pickle_.root_ = pop();
    stopped_ = true;
  }

  void step() {
    if (rest_.empty()) return fail("it ends too early");
    const auto code = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    if (!constant(static_cast<Op>(code)) && !text(static_cast<Op>(code)) &&
        !composite(static_cast<Op>(code)) && !machine(static_cast<Op>(code))) {
      fail("the operation " + op_name(code) + " is not accepted here");
    }
  }
  /// Each of these answers whether the operation is one of its own.
  bool constant(Op op) {
    switch (op) {
      case Op::kNone:
        return push_kind(Kind::kNone), true;
      case Op::kNewTrue:
        return push_integer(Kind::kBool, 1), true;
      case Op::kNewFalse:
        return push_integer(Kind::kBool, 0), true;
      case Op::kBinInt:
        return push_integer(Kind::kInt, static_cast<std::int32_t>(take_number(4))), true;
      case Op::kBinInt1:
        return push_integer(Kind::kInt, static_cast<std::int64_t>(take_number(1))), true;
      case Op::kBinInt2:
        return push_integer(Kind::kInt, static_cast<std::int64_t>(take_number(2))), true;
      case Op::kLong1:
        return push_long(take_number(1)), true;
      case Op::kLong4:
        return push_long(take_number(4)), true;
      case Op::kBinFloat:
        return real(), true;
      default:
        return false;
    }
  }
  bool text(Op op) {
    switch (op) {
      case Op::kShortBinUnicode:
        return push_text(Kind::kString, take_number(1)), true;
      case Op::kBinUnicode:
        return push_text(Kind::kString, take_number(4)), true;
      case Op::kBinUnicode8:
        return push_text(Kind::kString, take_number(8)), true;
      case Op::kShortBinBytes:
        return push_text(Kind::kBytes, take_number(1)), true;
      case Op::kBinBytes:
        return push_text(Kind::kBytes, take_number(4)), true;
      case Op::kBinBytes8:
        return push_text(Kind::kBytes, take_number(8)), true;
      case Op::kByteArray8:
        return push_text(Kind::kByteArray, take_number(8)), true;
      case Op::kGlobal:
        return global(), true;
      case Op::kStackGlobal:
        return stack_global(), true;
      default:
        return false;
    }
  }
  bool composite(Op op) {
    switch (op) {
      case Op::kEmptyList:
        return push_kind(Kind::kList), true;
      case Op::kEmptyTuple:
        return push_kind(Kind::kTuple), true;
      case Op::kEmptyDict:
        return push_kind(Kind::kDict), true;
      case Op::kEmptySet:
        return push_kind(Kind::kSet), true;
      case Op::kTuple1:
        return collect(Kind::kTuple, 1), true;
      case Op::kTuple2:
        return collect(Kind::kTuple, 2), true;
      case Op::kTuple3:
        return collect(Kind::kTuple, 3), true;
      case Op::kTuple:
        return collect_to_mark(Kind::kTuple), true;
      case Op::kList:
        return collect_to_mark(Kind::kList), true;
      case Op::kDict:
        return collect_to_mark(Kind::kDict), true;
      case Op::kFrozenSet:
        return collect_to_mark(Kind::kFrozenSet), true;
      case Op::kAppend:
        return add_last(Kind::kList, 1), true;
      case Op::kAppends:
        return extend(Kind::kList, pop_to_mark()), true;
      case Op::kSetItem:
        return add_last(Kind::kDict, 2), true;
      case Op::kSetItems:
        return extend(Kind::kDict, pop_to_mark()), true;
      case Op::kAddItems:
        return extend(Kind::kSet, pop_to_mark()), true;
      case Op::kReduce:
      case Op::kNewObj:
        return object(false), true;
      case Op::kNewObjEx:
        return object(true), true;
      case Op::kBuild:
        return build(), true;
      default:
        return false;
    }
  }
  bool machine(Op op) {
    switch (op) {
      case Op::kProto:
        return protocol(), true;
      case Op::kFrame:
        return take(8), true;
      case Op::kStop:
        return stop(), true;
      case Op::kMark:
        return marks_.push_back(stack_.size()), true;
      case Op::kPop:
        return drop(), true;
      case Op::kPopMark:
        return pop_to_mark(), true;
      case Op::kDup:
        if (has(1)) push(stack_.back());
        return true;
      case Op::kMemoize:
        return put(memo_count_), true;
      case Op::kBinPut:
        return put(take_number(1)), true;
      case Op::kLongBinPut:
        return put(take_number(4)), true;
      case Op::kBinGet:
        return get(take_number(1)), true;
      case Op::kLongBinGet:
        return get(take_number(4)), true;
      default:
        return false;
    }
  }
  /// POP also takes away a mark that lies on top.
  void drop() {
    if (!marks_.empty() && marks_.back() == stack_.size()) {
      marks_.pop_back();
    } else if (has(1)) {
      pop();
    }
  }

  Pickle pickle_;
  std::string_view rest_;
  std::size_t bytes_;
  std::vector<PickleNode*> stack_;
  std::vector<std::size_t> marks_;
  std::vector<PickleNode*> popped_;
  std::vector<PickleNode*> memo_;
  std::uint64_t memo_count_ = 0;
  std::optional<Error> error_;
  bool stopped_ = false;
};

Result<Pickle> read_pickle(Frame frame) { return PickleReader(std::move(frame)).read(); }

}  // namespace trireme
