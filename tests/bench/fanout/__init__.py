"""What the subject `fanout` needs beside itself: a crowd of sockets, and a bare server to compare with."""
